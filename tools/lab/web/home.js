/*
 * The first view: upload, boards, the queue and what is over. It asks labd
 * every two seconds while it can be seen.
 */

import { getJson, upload, who } from "./api.js";
import { ago, chip, duration, el, outcome, size, toast } from "./dom.js";

const POLL_MS = 2000;

/* Where the parts of a dropped bunch of files go, by their names. */
function partOf(file) {
	if (/\.dtb$/i.test(file.name))
		return "dtb";
	if (/initrd|initramfs|\.cpio(\.\w+)?$/i.test(file.name))
		return "initrd";
	return "image";
}

/* A file's name, as far as labd takes it. */
function nameOf(file) {
	return file.name.replace(/[^ -~]/g, "?").slice(0, 128);
}

function field(label, name, props = {}) {
	return el("label", { className: "field" }, el("span", {}, label),
		  el("input", { name, autocomplete: "off", ...props }));
}

class UploadForm {
	constructor(navigate) {
		this.navigate = navigate;
		this.files = {};
		this.abort = null;
		this.picker = el("input", {
			type: "file", multiple: true, id: "files",
			className: "hidden-input", "aria-label":
				"Image, and if wanted initrd and DTB",
			onchange: () => this.add(this.picker.files),
		});
		this.chosen = el("ul", { className: "chosen" });
		this.zone = this.makeZone();
		this.boards = el("select", { name: "board" },
				 el("option", { value: "" }, "any board"));
		this.bar = el("progress", { max: 1, value: 0, hidden: true,
					    "aria-label": "upload" });
		this.error = el("p", { className: "problem", role: "alert" });
		this.submit = el("button", { className: "primary",
			type: "submit", disabled: true }, "Boot it");
		this.stop = el("button", { type: "button", hidden: true,
			onclick: () => this.abort?.abort() }, "Stop");
		this.form = this.makeForm();
	}

	makeZone() {
		const zone = el("label", { className: "drop", for: "files" },
			el("strong", {}, "Drop an Image here"),
			el("span", { className: "muted" },
			   "or choose files. An initrd (*.cpio, initrd*) and " +
			   "a *.dtb may come along."),
			this.picker);

		zone.addEventListener("dragover", (event) => {
			event.preventDefault();
			zone.classList.add("over");
		});
		zone.addEventListener("dragleave",
			() => zone.classList.remove("over"));
		zone.addEventListener("drop", (event) => {
			event.preventDefault();
			zone.classList.remove("over");
			this.add(event.dataTransfer.files);
		});
		return zone;
	}

	makeForm() {
		return el("form", { className: "card upload", noValidate: true,
			onsubmit: (event) => this.send(event) },
			el("h2", {}, "Boot a kernel"), this.zone, this.chosen,
			el("div", { className: "fields" },
				el("label", { className: "field" },
				   el("span", {}, "Board"), this.boards),
				field("Kernel command line", "bootargs",
				      { placeholder: "console=ttyS0",
					spellcheck: false })),
			el("details", {}, el("summary", {}, "More options"),
				el("div", { className: "fields" },
				field("Name", "name"),
				field("Time limit (s)", "timeout",
				      { inputMode: "numeric" }),
				field("Silence limit (s)", "silence",
				      { inputMode: "numeric" }),
				field("Priority (0–9)", "priority",
				      { inputMode: "numeric" }),
				field("Passes on (regular expression)", "pass",
				      { spellcheck: false }),
				field("Fails on (regular expression)", "fail",
				      { spellcheck: false }))),
			this.error,
			el("div", { className: "row" }, this.submit, this.stop,
			   this.bar),
			el("p", { className: "muted hint" }, "From a shell: ",
			   el("code", {}, "curl -sN --data-binary @Image " +
					  `${location.origin}/run`)));
	}

	add(files) {
		for (const file of files)
			this.files[partOf(file)] = file;
		this.picker.value = "";
		this.showFiles();
	}

	showFiles() {
		this.chosen.replaceChildren(
			...Object.entries(this.files).map(([part, file]) =>
			el("li", {}, el("span", { className: "part" }, part),
			   ` ${file.name} `,
			   el("span", { className: "muted" }, size(file.size)),
			   el("button", { type: "button", className: "quiet",
				"aria-label": `leave out ${file.name}`,
				onclick: () => this.drop(part) }, "✕"))));
		this.submit.disabled = !this.files.image;
	}

	drop(part) {
		delete this.files[part];
		this.showFiles();
	}

	setBoards(boards) {
		const names = boards.map((board) => board.name);

		if (names.join("\n") === this.names)
			return;
		this.names = names.join("\n");
		this.boards.replaceChildren(
			el("option", { value: "" }, "any board"),
			...names.map((name) =>
				el("option", { value: name }, name)));
	}

	query() {
		const query = new URLSearchParams();

		for (const [key, value] of new FormData(this.form))
			if (typeof value === "string" && value !== "")
				query.append(key, value);
		if (!query.has("name"))
			query.append("name", nameOf(this.files.image));
		return query;
	}

	busy(busy) {
		this.submit.disabled = busy || !this.files.image;
		this.stop.hidden = !busy;
		this.bar.hidden = !busy;
		this.bar.value = 0;
	}

	async send(event) {
		event.preventDefault();
		if (!this.files.image || this.submit.disabled)
			return;
		this.error.textContent = "";
		this.abort = new AbortController();
		this.busy(true);
		try {
			const job = await upload(this.query(), this.files,
				(share) => { this.bar.value = share; },
				this.abort.signal);

			this.navigate(`/jobs/${job.id}`);
		} catch (error) {
			this.error.textContent = error.retryAfter ?
				`${error.message}; try again in ` +
				`${error.retryAfter} s` : error.message;
		} finally {
			this.busy(false);
		}
	}

	close() {
		this.abort?.abort();
	}
}

function boardCard(board) {
	return el("li", { className: "board", "data-health": board.health },
		el("div", { className: "row" },
			el("strong", {}, board.name),
			el("span", { className: "grow" }),
			chip(board.health === "ok" ? board.state :
						     board.health)),
		el("p", { className: "muted" },
			[board.power, board.console, board.netboot]
				.filter(Boolean).join(" · ")),
		board.reason && board.health !== "ok" ?
			el("p", { className: "problem" }, board.reason) : null,
		board.job ? el("p", {}, "runs ",
			el("a", { href: `/jobs/${board.job}` },
			   `job ${board.job}`)) : null,
		el("p", { className: "muted" },
			`${board.jobs} ${board.jobs === 1 ? "run" : "runs"}, ` +
			`${board.infra} with infrastructure trouble`));
}

function jobRow(job, last) {
	return el("tr", {},
		el("td", {},
			el("a", { href: `/jobs/${job.id}` }, `${job.id}`)),
		el("td", {}, chip(outcome(job))),
		el("td", { className: "name" }, el("a",
			{ href: `/jobs/${job.id}` }, job.name || "(no name)")),
		el("td", {}, job.user ?? ""),
		el("td", {}, job.board ?? job.wanted ?? "any"),
		el("td", { className: "last" }, last));
}

function jobTable(title, column, jobs, last, empty) {
	const body = jobs.length ?
		el("div", { className: "scroll" }, el("table", {},
			el("thead", {}, el("tr", {},
				...["Job", "State", "Name", "User", "Board",
				    column].map((name) =>
					el("th", { scope: "col" }, name)))),
			el("tbody", {}, jobs.map(
				(job) => jobRow(job, last(job)))))) :
		el("p", { className: "muted" }, empty);

	return [el("h2", {}, title), body];
}

function activeNews(job) {
	if (job.state === "queued")
		return `position ${job.position ?? "?"}` + (job.eta ?
			`, in about ${duration(job.eta)}` : "");
	return el("span", {}, `${job.stage ?? ""}, started `, ago(job.started));
}

function overNews(job) {
	return el("span", {}, job.reason ?? "", " ", el("span",
		{ className: "muted" }, ago(job.finished)));
}

export class HomeView {
	constructor(parent, navigate) {
		document.title = "Aloft lab";
		this.upload = new UploadForm(navigate);
		this.boards = el("ul", { className: "boards" });
		this.active = el("section", { className: "card" });
		this.over = el("section", { className: "card" });
		this.trouble = el("p", { className: "problem", role: "alert" });
		this.older = [];
		this.more = el("button", { type: "button", hidden: true,
			onclick: () => this.loadOlder() }, "Older jobs");
		parent.append(el("h1", { className: "unseen" }, "Board lab"),
			this.trouble, el("div", { className: "home" },
			el("div", { className: "side" },
			   who.role === "watch" ? null : this.upload.form,
			   el("section", { className: "card" },
			      el("h2", {}, "Boards"), this.boards)),
			el("div", { className: "lists" }, this.active,
			   this.over, this.more)));
		this.onVisible = () => this.poll();
		document.addEventListener("visibilitychange", this.onVisible);
		this.poll();
	}

	async poll() {
		clearTimeout(this.timer);
		if (this.closed || document.hidden)
			return;
		try {
			/* The newest need not hold those that run. */
			const [active, newest, boards] = await Promise.all([
				getJson("/api/jobs?state=active&limit=500"),
				getJson("/api/jobs"),
				getJson("/api/boards")]);

			if (this.closed)
				return;
			this.trouble.textContent = "";
			this.show(active.jobs, newest.jobs, boards.boards);
		} catch (error) {
			this.trouble.textContent = error.message;
		}
		clearTimeout(this.timer);
		this.timer = setTimeout(() => this.poll(), POLL_MS);
	}

	/* Drawn anew only when something changed: focus and selection stay. */
	draw(key, data, nodes, parent) {
		const now = JSON.stringify(data) +
			Math.floor(Date.now() / 10000);
		const focus = parent.contains(document.activeElement) ?
			document.activeElement.getAttribute("href") : null;

		this.drawn ??= {};
		if (this.drawn[key] === now)
			return;
		this.drawn[key] = now;
		parent.replaceChildren(...nodes());
		if (focus)
			parent.querySelector(`a[href="${CSS.escape(focus)}"]`)
				?.focus();
	}

	show(active, jobs, boards) {
		const isOver = (job) =>
			job.state === "done" || job.state === "cancelled";

		active.sort((a, b) => (a.position ?? 0) - (b.position ?? 0) ||
			    a.id - b.id);

		const known = new Set(jobs.map((job) => job.id));
		const over = jobs.concat(this.older.filter(
			(job) => !known.has(job.id))).filter(isOver);

		this.last = (this.older.at(-1) ?? jobs.at(-1))?.id;
		this.more.hidden = jobs.length < 50 || this.exhausted === true;
		this.upload.setBoards(boards);
		this.draw("boards", boards, () => boards.map(boardCard),
			  this.boards);
		this.draw("active", active, () => jobTable(
			"Running and waiting", "Where it is", active,
			activeNews, "Nothing waits: an upload starts at " +
			"once."), this.active);
		this.draw("over", over, () => jobTable("Finished", "Reason",
			over, overNews, "No job yet."), this.over);
	}

	async loadOlder() {
		try {
			const { jobs } = await getJson(
				`/api/jobs?before=${this.last}`);

			this.exhausted = jobs.length === 0;
			this.older.push(...jobs);
			this.poll();
		} catch (error) {
			toast(error.message, "problem");
		}
	}

	close() {
		this.closed = true;
		clearTimeout(this.timer);
		document.removeEventListener("visibilitychange",
					     this.onVisible);
		this.upload.close();
	}
}
