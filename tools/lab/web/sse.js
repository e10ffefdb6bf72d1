/*
 * Server-sent events (WHATWG HTML, "Server-sent events") from a fetch()ed
 * body. Not EventSource: that one buffers a flood without end, while a body
 * that is not read makes labd wait.
 */

/** Bytes of the base64 text of RFC 4648. */
export function fromBase64(text) {
	if (Uint8Array.fromBase64)
		return Uint8Array.fromBase64(text);
	return Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
}

/** Push parser: feed() text pieces, get lists of {type, id, data}. */
export class SseParser {
	constructor() {
		this.rest = "";
		this.id = "";
		this.first = true;
		this.clear();
	}

	clear() {
		this.type = "";
		this.data = null;
	}

	feed(text) {
		const events = [];
		let lines;

		if (this.first && text) {
			text = text.replace(/^\ufeff/, "");
			this.first = false;
		}
		lines = (this.rest + text).split(/\r\n|\n|\r(?!$)/);
		this.rest = lines.pop();
		for (const line of lines)
			this.line(line, events);
		return events;
	}

	line(line, events) {
		const colon = line.indexOf(":");
		const name = colon < 0 ? line : line.slice(0, colon);
		const value = colon < 0 ? "" :
			line.slice(colon + 1).replace(/^ /, "");

		if (line === "")
			this.dispatch(events);
		else if (name === "data")
			this.data = this.data === null ?
				value : `${this.data}\n${value}`;
		else if (name === "event")
			this.type = value;
		else if (name === "id" && !value.includes("\0"))
			this.id = value;
	}

	dispatch(events) {
		if (this.data !== null)
			events.push({
				type: this.type || "message",
				id: this.id,
				data: this.data,
			});
		this.clear();
	}
}
