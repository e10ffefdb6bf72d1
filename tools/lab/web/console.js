/*
 * The console: xterm.js made safe for hostile bytes, or plain text where it
 * was not fetched. Both have the same methods.
 */

import { el } from "./dom.js";

/* Bytes handed to xterm.js and not yet drawn before the stream must wait. */
const PENDING_MAX = 256 << 10;

/* Everything xterm.js (or one of its successors) does on OSC: swallowed. */
const OSC = [0, 1, 2, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 17, 19, 22, 50, 52,
	     99, 104, 105, 110, 111, 112, 117, 119, 133, 633, 777, 1337];

/*
 * Requests a terminal answers by itself. The answer would be typed at the
 * board in the viewer's name, so none is ever given.
 */
const ANSWERED = [
	{ final: "c" }, { prefix: ">", final: "c" },
	{ prefix: "=", final: "c" },
	{ final: "n" }, { prefix: "?", final: "n" }, { final: "t" },
	{ final: "x" }, { prefix: ">", final: "q" },
	{ prefix: "?", final: "u" },
	{ intermediates: "$", final: "p" },
	{ prefix: "?", intermediates: "$", final: "p" },
	{ prefix: "?", final: "S" }, { prefix: ">", final: "m" },
	{ prefix: "?", final: "m" },
];

/* Modes that report the mouse, the focus or the theme. */
const REPORTING = [9, 1000, 1001, 1002, 1003, 1004, 1005, 1006, 1015, 1016,
		   2031, 2048];

const THEME = {
	background: "#0d1117", foreground: "#d6dee8", cursor: "#7ee0d6",
	cursorAccent: "#0d1117", selectionBackground: "#33506b",
	black: "#1b222c", red: "#ff7b72", green: "#5fd38d", yellow: "#e5c07b",
	blue: "#79b8ff", magenta: "#d2a8ff", cyan: "#56d4dd", white: "#c9d1d9",
	brightBlack: "#6e7a88", brightRed: "#ffa198", brightGreen: "#8ff0b0",
	brightYellow: "#f6dd9c", brightBlue: "#a5d0ff",
	brightMagenta: "#e6ccff", brightCyan: "#8ae9ef", brightWhite: "#ffffff",
};

/* Stands in for a <style> element: a sheet that CSP allows, and no text. */
function sheetElement(create) {
	const node = create.call(document, "template");
	const sheet = new CSSStyleSheet();
	const text = {
		get: () => "",
		set: (css) => sheet.replaceSync(css),
	};

	document.adoptedStyleSheets.push(sheet);
	Object.defineProperty(node, "textContent", text);
	Object.defineProperty(node, "innerText", text);
	node.remove = () => {
		document.adoptedStyleSheets =
			document.adoptedStyleSheets.filter((s) => s !== sheet);
		Element.prototype.remove.call(node);
	};
	return node;
}

/*
 * xterm.js writes its colours as <style> text and style attributes. Both are
 * inline style to CSP; constructed sheets and CSSOM are not, so they take
 * their place and the page does without 'unsafe-inline'.
 */
function adoptInlineStyles() {
	const create = document.createElement;

	if (Object.hasOwn(document, "createElement"))
		return;
	document.createElement = function (name, options) {
		return String(name).toLowerCase() === "style" ?
			sheetElement(create) :
			create.call(document, name, options);
	};
	HTMLSpanElement.prototype.setAttribute = function (name, value) {
		if (name === "style")
			this.style.cssText = value;
		else
			Element.prototype.setAttribute.call(this, name, value);
	};
}

function disarm(parser) {
	const swallow = () => true;

	OSC.forEach((code) => parser.registerOscHandler(code, swallow));
	ANSWERED.forEach((id) => parser.registerCsiHandler(id, swallow));
	parser.registerEscHandler({ final: "Z" }, swallow);
	parser.registerDcsHandler({ intermediates: "$", final: "q" }, swallow);
	parser.registerDcsHandler({ intermediates: "+", final: "q" }, swallow);
	for (const final of ["h", "l"])
		parser.registerCsiHandler({ prefix: "?", final }, (params) =>
			params.flat().some((mode) => REPORTING.includes(mode)));
}

class XtermConsole {
	constructor(parent, leave) {
		adoptInlineStyles();
		this.leave = leave;
		this.parent = parent;
		this.pending = 0;
		this.waiting = [];
		this.term = new globalThis.Terminal({
			cols: 80, rows: 24, scrollback: 10000, theme: THEME,
			fontFamily: "ui-monospace, 'DejaVu Sans Mono', " +
				    "Menlo, Consolas, monospace",
			fontSize: parent.clientWidth < 560 ? 11 : 13,
			disableStdin: true, convertEol: true,
			cursorInactiveStyle: "none", linkHandler: null,
		});
		disarm(this.term.parser);
		this.term.attachCustomKeyEventHandler((e) => this.key(e));
		this.term.open(parent);
		this.fit();
		this.observer = new ResizeObserver(() => this.fit());
		this.observer.observe(parent);
	}

	/** Calls @send(text) with what is typed or pasted. */
	onInput(send) {
		this.term.onData(send);
	}

	/* Tab and Escape belong to the board only while typing is possible. */
	key(event) {
		if (event.type === "keydown" && event.shiftKey &&
		    event.key === "Escape") {
			this.leave();
			return false;
		}
		return !(this.term.options.disableStdin && event.key === "Tab");
	}

	setWritable(writable) {
		this.term.options.disableStdin = !writable;
		this.term.options.cursorBlink = writable;
		this.term.options.cursorStyle =
			writable ? "block" : "underline";
	}

	focus() {
		this.term.focus();
	}

	/** Resolves when the stream may go on. */
	async write(bytes) {
		this.pending += bytes.length;
		this.term.write(bytes, () => {
			this.pending -= bytes.length;
			if (this.pending < PENDING_MAX)
				this.waiting.splice(0).forEach((go) => go());
		});
		if (this.pending >= PENDING_MAX)
			await new Promise((go) => this.waiting.push(go));
	}

	/** A line of ours among the console's; marked, colours reset before. */
	mark(text) {
		this.term.write("\x1b[!p\x1b[0m\r\n\x1b[7m " +
				`${text} \x1b[0m\r\n`);
	}

	clear() {
		this.term.reset();
	}

	fit() {
		const screen = this.parent.querySelector(".xterm-screen");
		const box = screen?.getBoundingClientRect();
		const style = getComputedStyle(this.parent);
		const room = {
			x: this.parent.clientWidth -
				parseFloat(style.paddingLeft) * 2 - 14,
			y: this.parent.clientHeight -
				parseFloat(style.paddingTop) * 2,
		};

		if (!box?.width || room.x < 40)
			return;
		this.term.resize(
			Math.max(20, Math.min(300, Math.floor(
				room.x / (box.width / this.term.cols)))),
			Math.max(6, Math.floor(
				room.y / (box.height / this.term.rows))));
	}

	/** The last lines as text, for tests and for copying. */
	text() {
		const buffer = this.term.buffer.active;
		const lines = [];

		for (let y = 0; y < buffer.length; y++)
			lines.push(buffer.getLine(y).translateToString(true));
		return lines.join("\n");
	}

	close() {
		this.observer.disconnect();
		this.term.dispose();
	}
}

/* Without xterm.js: text, escape sequences left out, nothing to type at. */
class PlainConsole {
	constructor(parent) {
		this.pre = el("pre", { className: "plain", tabIndex: 0 });
		this.decoder = new TextDecoder();
		this.kept = "";
		parent.append(
			el("p", { className: "muted" },
			   "xterm.js was not fetched at set-up: plain text, " +
			   "without typing."), this.pre);
	}

	onInput() {}
	setWritable() {}
	focus() {
		this.pre.focus();
	}

	async write(bytes) {
		const text = this.decoder.decode(bytes, { stream: true });

		this.kept = (this.kept + text).slice(-(256 << 10));
		this.drawn ??= new Promise(requestAnimationFrame)
			.then(() => this.draw());
		await this.drawn;
	}

	draw() {
		const sequence = new RegExp(
			"\\x1b(?:\\[[0-?]*[ -/]*[@-~]|" +
			"[\\]PX^_][^\\x07\\x1b\\n]*(?:\\x07|\\x1b\\\\)?|" +
			"[ -/]*[0-~])|[\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f]",
			"g");

		this.drawn = null;
		this.pre.textContent = this.kept.replace(sequence, "");
		this.pre.scrollTop = this.pre.scrollHeight;
	}

	mark(text) {
		this.kept += `\n--- ${text} ---\n`;
	}

	clear() {
		this.kept = "";
		this.pre.textContent = "";
	}

	text() {
		return this.pre.textContent;
	}

	close() {}
}

/** A console in @parent, the best there is; @leave moves the focus on. */
export function openConsole(parent, leave) {
	return globalThis.Terminal ? new XtermConsole(parent, leave) :
				     new PlainConsole(parent);
}
