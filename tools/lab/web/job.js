/*
 * One job: verdict, stages as a time line, the live console and typing at it.
 */

import { mayChange, request } from "./api.js";
import { openConsole } from "./console.js";
import { ago, chip, duration, el, outcome, size, toast } from "./dom.js";
import { Follower } from "./follow.js";

const STAGES = [["power", "Power"], ["firmware", "Firmware"],
		["uboot", "U-Boot"], ["dhcp", "DHCP"], ["tftp", "TFTP"],
		["kernel", "Kernel"], ["verdict", "Verdict"]];

/* A page nobody sees gives its connection back after this time. */
const HIDDEN_MS = 60000;

const WORDS = {
	pass: "Passed", fail: "Failed", panic: "Panic", timeout: "Timed out",
	infra: "Infrastructure trouble: not the image's fault",
	cancelled: "Cancelled",
};

/* Who this tab is to others who want to type; it survives a reload. */
function writerName() {
	let name = null;

	try {
		name = sessionStorage.getItem("writer");
	} catch {
		/* storage is switched off */
	}
	name ??= "web-" + Array.from(
		crypto.getRandomValues(new Uint8Array(4)),
		(b) => b.toString(16).padStart(2, "0")).join("");
	try {
		sessionStorage.setItem("writer", name);
	} catch {
		/* then it is a new one after a reload */
	}
	return name;
}

/** Sends what is typed, in order, one request at a time. */
class Typist {
	constructor(id, onRefused) {
		this.id = id;
		this.writer = writerName();
		this.onRefused = onRefused;
		this.pending = "";
		this.busy = false;
	}

	post(text, take) {
		return request(`/api/jobs/${this.id}/input${take ?
			"?take=1" : ""}`, {
			method: "POST",
			headers: { "X-Lab-Writer": this.writer,
				   "Content-Type": "application/octet-stream" },
			body: new TextEncoder().encode(text),
		});
	}

	async type(text) {
		this.pending += text;
		if (this.busy)
			return;
		this.busy = true;
		try {
			while (this.pending) {
				const now = this.pending.slice(0, 8192);

				this.pending = this.pending.slice(now.length);
				await this.post(now, false);
			}
		} catch (error) {
			/* typed at most once: what was refused is gone */
			this.pending = "";
			this.onRefused(error);
		} finally {
			this.busy = false;
		}
	}
}

function timeLine(job) {
	const attempt = job.attempts?.at(-1)?.n ?? 1;
	const seen = (job.stages ?? []).filter((s) =>
		(s.attempt ?? 1) === attempt);
	const at = new Map(seen.map((s) => [s.stage, s.at]));
	const start = at.get("power") ?? job.started;
	const over = job.state === "done" || job.state === "cancelled";
	const last = STAGES.findLastIndex(([key]) => at.has(key));

	if (over && job.finished && !at.has("verdict"))
		at.set("verdict", job.finished);
	return STAGES.map(([key, name], i) => {
		const reached = at.has(key);
		const now = !over && i === last;
		const kind = key === "verdict" && over ? outcome(job) :
			now ? "now" : reached ? "reached" :
			i < last ? "unseen" : "ahead";

		return el("li", { "data-kind": kind,
			...(now ? { "aria-current": "step" } : {}) },
			el("span", { className: "dot", "aria-hidden": "true" }),
			el("span", { className: "stage" }, name),
			el("span", { className: "at" }, reached && start ?
				`+${duration(at.get(key) - start)}` : ""));
	});
}

function facts(job) {
	const rows = [
		["User", job.user], ["Board", job.board ?? job.wanted ?? "any"],
		["Image", job.image ? `${size(job.image.size)}, ` +
			`${job.image.hash.slice(0, 12)}…` : null],
		["Command line", job.bootargs],
		["Limits", job.timeout ? `${job.timeout} s in all, ` +
			`${job.silence} s of silence` : null],
		["Passes on", job.pass?.join("  and  ")],
		["Fails on", job.fail?.join("  or  ")],
		["Attempts", job.attempts?.length > 1 ? job.attempts.map((a) =>
			`${a.n}: ${a.verdict ?? "running"}` +
			(a.reason ? ` (${a.reason})` : "")).join("; ") : null],
		["Log", job.finished ? size(job.log_size ?? 0) : null],
	];

	return rows.filter(([, value]) => value).map(([name, value]) =>
		el("div", {}, el("dt", {}, name), el("dd", {}, value)));
}

export class JobView {
	constructor(parent, id, navigate) {
		this.id = id;
		this.navigate = navigate;
		this.job = null;
		this.typist = new Typist(id, (error) => this.refused(error));
		this.build(parent);
		this.console = openConsole(this.screen,
			() => this.about.focus());
		this.screen.console = this.console;	/* for tests */
		this.console.onInput((text) => this.typed(text));
		this.follower = this.makeFollower();
		this.onVisible = () => this.visibility();
		document.addEventListener("visibilitychange", this.onVisible);
		this.follower.run();
		this.clock = setInterval(() => this.showSince(), 1000);
	}

	build(parent) {
		document.title = `Job ${this.id} · Aloft lab`;
		this.title = el("h1", {}, `Job ${this.id}`);
		this.chip = el("span", {});
		this.since = el("span", { className: "muted" });
		this.banner = el("div", { className: "banner", role: "status",
					  hidden: true });
		this.line = el("ol", { className: "line",
				       "aria-label": "stages" });
		this.about = el("summary", {}, "About this job");
		this.facts = el("dl", { className: "facts" });
		this.screen = el("div", { className: "screen", tabIndex: -1,
			role: "group", "aria-label": "console" });
		parent.append(el("div", { className: "job" },
			el("div", { className: "row head" },
				el("a", { href: "/", className: "back" },
				   "← Lab"), this.title, this.chip,
				this.since, el("span", { className: "grow" }),
				this.buildButtons()),
			this.banner, this.line,
			this.buildConsole(),
			el("details", { className: "card" }, this.about,
				this.facts)));
	}

	buildButtons() {
		const path = `/api/jobs/${this.id}`;

		this.cancel = el("button", { type: "button",
			className: "danger", hidden: true,
			onclick: () => this.cancelJob() }, "Cancel job");
		return el("div", { className: "row" },
			el("a", { href: `${path}/log`, className: "button",
				  download: `job-${this.id}.log` },
			   "Download log"),
			el("a", { href: `${path}/cast`, className: "button",
				  download: `job-${this.id}.cast` },
			   "Recording"), this.cancel);
	}

	buildConsole() {
		this.link = el("span", { className: "link" }, "connecting");
		this.inputWord = el("span", { className: "grow",
					      role: "status" });
		this.take = el("button", { type: "button", hidden: true,
			onclick: () => this.takeOver() }, "Take over");
		this.skipped = el("div", { className: "skipped", hidden: true,
					   role: "status" });
		return el("section", { className: "console" },
			el("div", { className: "bar" }, this.link,
			   this.inputWord, this.take), this.skipped,
			this.screen);
	}

	makeFollower() {
		return new Follower(this.id, {
			bytes: (bytes) => this.console.write(bytes),
			state: (job) => this.showJob(job),
			link: (word) => this.showLink(word),
			skipped: (from, to) => this.showSkipped(from, to),
			failed: (error) => this.showFailure(error),
		});
	}

	showLink(word) {
		this.link.textContent = word;
		this.link.dataset.kind = word;
	}

	showJob(job) {
		const over = job.state === "done" || job.state === "cancelled";

		this.job = job;
		this.title.textContent = job.name ?
			`Job ${job.id}: ${job.name}` : `Job ${job.id}`;
		document.title =
			`${outcome(job)} · job ${job.id} · Aloft lab`;
		this.chip.replaceChildren(chip(outcome(job)));
		this.showSince();
		this.cancel.hidden = over || !mayChange(job);
		this.banner.hidden = !over;
		this.banner.dataset.kind = outcome(job);
		if (over)
			this.banner.replaceChildren(
				el("strong", {}, WORDS[outcome(job)] ??
						 outcome(job)),
				el("span", {}, job.reason === outcome(job) ?
					"" : job.reason ?? ""));
		this.line.replaceChildren(...timeLine(job));
		this.facts.replaceChildren(...facts(job));
		this.showInput();
	}

	showSince() {
		const job = this.job;

		if (job?.state === "queued")
			this.since.textContent =
				`position ${job.position ?? "?"}` + (job.eta ?
				`, in about ${duration(job.eta)}` : "");
		else if (job)
			this.since.replaceChildren(
				job.finished ? "ended " : "started ",
				ago(job.finished ?? job.started));
	}

	mayType() {
		return this.job?.state === "running" &&
			mayChange(this.job) && (!this.job.writer ||
			 this.job.writer === this.typist.writer);
	}

	showInput() {
		const job = this.job;
		const other = job.state === "running" && job.writer &&
			job.writer !== this.typist.writer;
		let word = "";

		if (job.state === "running" && !mayChange(job))
			word = `You may watch; ${job.user} may type`;
		else if (other)
			word = `${job.writer} is typing`;
		else if (job.state === "running" && job.writer)
			word = "You are typing. Shift+Esc leaves the console";
		else if (job.state === "running")
			word = "Click here and type";
		else if (job.state === "booting")
			word = "Typing is possible once the kernel runs";
		this.inputWord.textContent = word;
		this.take.hidden = !other || !mayChange(job);
		this.console.setWritable(this.mayType());
	}

	typed(text) {
		if (this.mayType())
			this.typist.type(text);
	}

	refused(error) {
		toast(`Not typed: ${error.message}`, "problem");
		if (error.status === 409)
			this.take.hidden = this.job.state !== "running";
	}

	async takeOver() {
		try {
			await this.typist.post("", true);
			this.job.writer = this.typist.writer;
			this.showInput();
			this.console.focus();
		} catch (error) {
			toast(error.message, "problem");
		}
	}

	/* Asks by a second click on the same button, within some seconds. */
	async cancelJob() {
		if (!this.sure) {
			this.sure = setTimeout(() => this.unsure(), 4000);
			this.cancel.textContent = "Really cancel?";
			return;
		}
		this.unsure();
		try {
			await request(`/api/jobs/${this.id}`,
				      { method: "DELETE" });
		} catch (error) {
			toast(error.message, "problem");
		}
	}

	unsure() {
		clearTimeout(this.sure);
		this.sure = null;
		this.cancel.textContent = "Cancel job";
	}

	showSkipped(from, to) {
		const text = `${size(to - from)} of the console skipped to ` +
			"keep up";

		this.console.mark(text);
		this.skipped.hidden = false;
		this.skipped.replaceChildren(`${text}. `,
			el("a", { href: `/api/jobs/${this.id}/log`,
				  download: `job-${this.id}.log` },
			   "Download the log"), " or ",
			el("button", { type: "button", className: "quiet",
				onclick: () => this.showWhole() },
			   "show all of it"));
	}

	async showWhole() {
		this.follower.stop();
		this.skipped.hidden = true;
		this.console.clear();
		this.follower = this.makeFollower();
		this.follower.whole = true;
		this.follower.run();
	}

	showFailure(error) {
		this.showLink("over");
		this.banner.hidden = false;
		this.banner.dataset.kind = "infra";
		this.banner.replaceChildren(el("strong", {}, error.message));
	}

	visibility() {
		clearTimeout(this.hiddenTimer);
		if (document.hidden)
			this.hiddenTimer = setTimeout(() => {
				this.follower.stop();
				this.paused = true;
			}, HIDDEN_MS);
		else if (this.paused) {
			this.paused = false;
			this.follower.run();
		}
	}

	close() {
		clearTimeout(this.hiddenTimer);
		clearTimeout(this.sure);
		clearInterval(this.clock);
		document.removeEventListener("visibilitychange",
					     this.onVisible);
		this.follower.stop();
		this.console.close();
	}
}
