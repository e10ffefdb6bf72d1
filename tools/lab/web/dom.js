/*
 * Making elements. Text goes in as text nodes only, so nothing a kernel or a
 * user wrote can become markup.
 */

/** An element with properties, `data-`/`aria-` attributes and children. */
export function el(name, props = {}, ...children) {
	const node = document.createElement(name);

	for (const [key, value] of Object.entries(props)) {
		if (key.includes("-") || key === "role" || key === "for")
			node.setAttribute(key, value);
		else if (key.startsWith("on"))
			node.addEventListener(key.slice(2), value);
		else
			node[key] = value;
	}
	node.append(...children.flat().filter(
		(child) => child !== null && child !== undefined));
	return node;
}

/** A short note in the corner; read out by screen readers. */
export function toast(text, kind = "info") {
	const note = el("p", { className: `toast ${kind}` }, text);

	document.getElementById("toasts").append(note);
	setTimeout(() => note.remove(), 6000);
}

/** Seconds as people say them. */
export function duration(seconds) {
	const s = Math.max(0, seconds);

	if (s < 10)
		return `${s.toFixed(1)} s`;
	if (s < 120)
		return `${Math.round(s)} s`;
	if (s < 7200)
		return `${Math.round(s / 60)} min`;
	if (s < 172800)
		return `${Math.round(s / 3600)} h`;
	return `${Math.round(s / 86400)} d`;
}

/** Bytes as people say them. */
export function size(bytes) {
	if (bytes < 1024)
		return `${bytes} B`;
	if (bytes < 1 << 20)
		return `${(bytes / 1024).toFixed(1)} KiB`;
	return `${(bytes / (1 << 20)).toFixed(1)} MiB`;
}

/** How long ago a Unix time is; the whole date as a tooltip. */
export function ago(unix) {
	if (!unix)
		return el("span", {}, "–");
	return el("time", {
		dateTime: new Date(unix * 1000).toISOString(),
		title: new Date(unix * 1000).toLocaleString(),
	}, `${duration(Date.now() / 1000 - unix)} ago`);
}

/** The word a job is summed up by, and the class that colours it. */
export function outcome(job) {
	return job.verdict ?? job.state ?? "unknown";
}

/** A coloured label for a verdict, a state or a board's health. */
export function chip(word) {
	return el("span", { className: "chip", "data-kind": word }, word);
}
