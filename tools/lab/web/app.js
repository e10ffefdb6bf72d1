/*
 * The lab's page. This file starts it: theme, login and which of the two
 * views is shown. Read on in home.js (queue, boards, upload) and job.js (one
 * job's console), both over api.js and dom.js.
 */

import { getJson, onLoginNeeded, problemText, who } from "./api.js";
import { el, toast } from "./dom.js";
import { HomeView } from "./home.js";
import { JobView } from "./job.js";

const THEMES = ["auto", "light", "dark"];
const main = document.getElementById("main");
let view = null;

function showTheme(theme) {
	const root = document.documentElement;

	if (theme === "auto")
		delete root.dataset.theme;
	else
		root.dataset.theme = theme;
	document.getElementById("theme").textContent = `Theme: ${theme}`;
}

function storedTheme() {
	try {
		return localStorage.getItem("theme") ?? "auto";
	} catch {
		return "auto";	/* storage is switched off */
	}
}

function nextTheme() {
	const next = THEMES[(THEMES.indexOf(storedTheme()) + 1) % 3];

	try {
		localStorage.setItem("theme", next);
	} catch {
		/* for this page only then */
	}
	showTheme(next);
}

/** Shows the view of the address. */
function show() {
	const job = location.pathname.match(/^\/jobs\/([\w-]+)\/?$/);

	view?.close();
	main.replaceChildren();
	if (job)
		view = new JobView(main, job[1], navigate);
	else if (location.pathname === "/")
		view = new HomeView(main, navigate);
	else
		main.append(el("p", { className: "pad" }, "No such page. ",
			el("a", { href: "/" }, "The lab is here.")));
	window.scrollTo(0, 0);
}

/** Goes to @path without loading the page anew. */
function navigate(path) {
	history.pushState(null, "", path);
	show();
	main.focus({ preventScroll: true });
}

function followLink(event) {
	const link = event.target.closest?.("a[href]");
	const plain = event.button === 0 && !event.ctrlKey &&
		!event.metaKey && !event.shiftKey && !event.altKey;

	if (!link || !plain || link.target || link.hasAttribute("download") ||
	    link.origin !== location.origin ||
	    !/^\/(jobs\/[\w-]+)?$/.test(link.pathname) || link.hash)
		return;
	event.preventDefault();
	navigate(link.pathname);
}

async function showUser() {
	Object.assign(who, await getJson("/api/whoami"));
	document.getElementById("whoami").textContent =
		who.tokens ? `${who.user} (${who.role})` : "";
	document.getElementById("logout").hidden = !who.tokens;
}

async function logIn(event) {
	const dialog = document.getElementById("login");
	const error = document.getElementById("login-error");
	const field = document.getElementById("token");
	let answer;

	event.preventDefault();
	error.textContent = "";
	try {
		answer = await fetch("/api/login", {
			method: "POST",
			headers: { "Content-Type": "application/json" },
			body: JSON.stringify({ token: field.value.trim() }),
		});
	} catch {
		error.textContent = "The lab cannot be reached.";
		return;
	}
	if (!answer.ok) {
		error.textContent = answer.status === 401 ?
			"The lab does not know this token." :
			problemText(answer.status, await answer.text());
		field.select();
		return;
	}
	field.value = "";
	dialog.close();
	start();
}

async function logOut() {
	try {
		await fetch("/api/logout", { method: "POST" });
	} catch {
		toast("The lab cannot be reached.", "problem");
		return;
	}
	location.assign("/");
}

function askLogin() {
	const dialog = document.getElementById("login");

	if (!dialog.open)
		dialog.showModal();
}

async function start() {
	try {
		await showUser();
	} catch (error) {
		if (error.status === 401)
			return;
	}
	show();
}

showTheme(storedTheme());
onLoginNeeded(askLogin);
document.getElementById("theme").addEventListener("click", nextTheme);
document.getElementById("logout").addEventListener("click", logOut);
document.getElementById("login-form").addEventListener("submit", logIn);
document.getElementById("login").addEventListener("cancel",
	(event) => event.preventDefault());
document.addEventListener("click", followLink);
window.addEventListener("popstate", show);
/* a file dropped beside the drop zone must not replace the page */
for (const type of ["dragover", "drop"])
	window.addEventListener(type, (event) => event.preventDefault());
start();
