/*
 * The page in headless Chromium, against a running daemon.
 *
 *   node web_test.mjs URL [PATTERN]
 *
 * URL: a daemon that boots what is uploaded. The Images come from the folder
 * LAB_TEST_IMAGES: shell (echoes lines behind "# "), hostile (sends what
 * web_images.py lists), flood (10 MB and a last line). Without that folder
 * the names of empty files stand for them, which is what the mock daemon of
 * the client's tests understands. PLAYWRIGHT: folder with node_modules;
 * CHROMIUM: the browser. Last line: N passed, N failed, N skipped.
 */

import { createHash, randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = path.resolve(fileURLToPath(import.meta.url), "../../..");
const playwright = process.env.PLAYWRIGHT ?? path.join(root,
	"build/playwright");
const chromiumPath = [process.env.CHROMIUM, "/usr/bin/chromium",
	"/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(
	(file) => file && existsSync(file));
const images = process.env.LAB_TEST_IMAGES;
const shots = process.env.LAB_TEST_SHOTS;
const [base, pattern = ""] = process.argv.slice(2);
const BOOT_MS = Number(process.env.LAB_TEST_BOOT_MS ?? 20000);

class Skip extends Error {}

function check(condition, text) {
	if (!condition)
		throw new Error(text);
}

function same(got, wanted, what) {
	check(got === wanted, `${what}: ${JSON.stringify(got)} instead of ` +
		JSON.stringify(wanted));
}

async function until(condition, what, ms = 60000) {
	const end = Date.now() + ms;
	let last;

	for (;;) {
		last = await condition();
		if (last)
			return last;
		check(Date.now() < end, `never came: ${what}`);
		await new Promise((go) => setTimeout(go, 50));
	}
}

function imageFile(name) {
	return {
		name,
		mimeType: "application/octet-stream",
		buffer: images ? readFileSync(path.join(images, name)) :
				 Buffer.alloc(4096),
	};
}

/* A page that remembers everything it must never do. */
class Visitor {
	constructor(context, page) {
		this.context = context;
		this.page = page;
		this.complaints = [];
	}

	static async come(browser, options = {}) {
		const context = await browser.newContext({
			viewport: { width: 1280, height: 800 }, ...options });
		const page = await context.newPage();
		const visitor = new Visitor(context, page);

		page.setDefaultTimeout(60000);
		page.on("pageerror", (error) =>
			visitor.complaints.push(`error: ${error.stack}`));
		page.on("console", (message) => {
			if (/Content Security|Refused|violates/i.test(
				message.text()))
				visitor.complaints.push(message.text());
		});
		page.on("dialog", (dialog) => {
			visitor.complaints.push(`dialog ${dialog.message()}`);
			dialog.dismiss();
		});
		page.on("popup", () => visitor.complaints.push("a popup"));
		return visitor;
	}

	open(where) {
		return this.page.goto(new URL(where, this.base ?? base).href);
	}

	/* The console as its user sees it, whole lines joined. */
	text() {
		return this.page.evaluate(() =>
			document.querySelector(".screen")?.console?.text() ??
			"");
	}

	sees(part, ms) {
		return until(async () => (await this.text()).includes(part),
			     `${JSON.stringify(part)} in the console`, ms);
	}

	async upload(name) {
		await this.open("/");
		await this.page.setInputFiles("#files", [imageFile(name)]);
		await this.page.getByRole("button", { name: "Boot it" })
			.click();
		await this.page.waitForURL(/\/jobs\/[\w-]+$/);
		return new URL(this.page.url()).pathname.split("/").pop();
	}

	async shot(name) {
		if (!shots)
			return;
		mkdirSync(shots, { recursive: true });
		await this.page.screenshot({
			path: path.join(shots, `${name}.png`) });
	}

	async leave() {
		await this.context.close();
		same(this.complaints.join("\n"), "", "complaints");
	}
}

async function cancelAll() {
	const { jobs } = await (await fetch(new URL("/api/jobs", base))).json();

	for (const job of jobs)
		if (job.state !== "done" && job.state !== "cancelled")
			await fetch(new URL(`/api/jobs/${job.id}`, base),
				    { method: "DELETE" });
}

/* One boot serves the cases of an ordinary visit; boots are what takes time. */
async function a_visit(browser, anyStep) {
	const anna = await Visitor.come(browser);
	const ben = await Visitor.come(browser, { colorScheme: "dark" });
	let broken = false;
	let id;
	/* each step stands on the one before */
	const step = async (name, run) => {
		broken = !await anyStep(name, async () => {
			check(!broken, "an earlier step failed");
			await run();
		});
	};

	await step("an_image_dropped_on_the_page_is_booted", async () => {
		await anna.open("/");
		await anna.page.getByText("Drop an Image here").waitFor();
		await anna.shot("home");
		await dropFile(anna.page, { ...imageFile("shell"),
					    name: "sh\u00ebll" });
		await anna.page.locator(".chosen li", { hasText: "sh\u00ebll" })
			.waitFor();
		await anna.page.getByRole("button", { name: "Boot it" })
			.click();
		await anna.page.waitForURL(/\/jobs\/[\w-]+$/);
		id = new URL(anna.page.url()).pathname.split("/").pop();
		await anna.page.getByRole("button", { name: "Cancel job" })
			.waitFor();
	});
	await step("the_console_comes_live_with_its_stages", async () => {
		await anna.sees("# ", BOOT_MS);
		await until(async () => await anna.page.locator(
			".line [aria-current=step] .stage").textContent() ===
			"Kernel", "the kernel stage");
		same(await anna.page.locator(".line li").count(), 7,
		     "stages in the time line");
		await anna.shot("live");
	});
	await step("typing_reaches_the_board_and_comes_back", async () => {
		await anna.page.locator(".screen").click();
		await anna.page.keyboard.type("echo first\r");
		await anna.sees("echo first");
		await anna.page.getByText("You are typing").waitFor();
	});
	await step("a_reload_in_mid_run_shows_everything_once", async () => {
		const before = (await anna.text()).trimEnd();

		await anna.page.reload();
		await anna.sees("echo first");
		await until(async () =>
			(await anna.text()).trimEnd() === before,
			"the console as it was before");
		/* the writer's name survived: still allowed to type */
		await anna.page.getByText("You are typing").waitFor();
		await anna.page.locator(".screen").click();
		await anna.page.keyboard.type("echo second\r");
		await anna.sees("echo second");
	});
	await step("a_second_viewer_sees_it_all_and_takes_over", async () => {
		await ben.open(`/jobs/${id}`);
		await ben.sees("echo second");
		await ben.page.getByText("is typing").waitFor();
		await ben.page.locator(".screen").click();
		await ben.page.keyboard.type("echo stolen\r");
		await ben.page.waitForTimeout(300);
		check(!(await ben.text()).includes("stolen"),
		      "typed although another one writes");
		await ben.page.getByRole("button", { name: "Take over" })
			.click();
		await ben.page.getByText("You are typing").waitFor();
		await ben.page.keyboard.type("echo third\r");
		await ben.sees("echo third");
		await anna.sees("echo third");
		await anna.page.getByText("is typing").waitFor();
		await anna.shot("taken");
	});
	await step("the_keyboard_gets_out_of_the_console", async () => {
		await ben.page.keyboard.press("Shift+Escape");
		await ben.page.keyboard.press("Tab");
		check(await ben.page.evaluate(() =>
			!document.querySelector(".screen")
				.contains(document.activeElement)),
		      "the focus is still in the console");
	});
	await step("cancel_asks_and_the_banner_says_so", async () => {
		await anna.page.getByRole("button", { name: "Cancel job" })
			.click();
		await anna.page.getByRole("button", { name: "Really cancel?" })
			.click();
		await anna.page.locator(".banner[data-kind=cancelled]")
			.waitFor();
		await ben.page.locator(".banner[data-kind=cancelled]")
			.waitFor();
		await ben.shot("over-dark");
		await anna.page.locator(".brand").click();
		await anna.page.locator(`a[href="/jobs/${id}"]`).first()
			.waitFor();
		await anna.page.goBack();
		await anna.page.locator(".banner[data-kind=cancelled]")
			.waitFor();
	});
	await step("a_narrow_screen_needs_no_sideways_scroll", async () => {
		for (const where of ["/", `/jobs/${id}`]) {
			await ben.page.setViewportSize({ width: 360,
							 height: 740 });
			await ben.open(where);
			await ben.page.waitForTimeout(400);
			check(await ben.page.evaluate(() =>
				document.documentElement.scrollWidth <=
				innerWidth), `${where} scrolls sideways`);
			await ben.shot(`narrow-${where === "/" ?
				"home" : "job"}`);
		}
	});
	await step("an_ordinary_visit_breaks_no_rule", async () => {
		await anna.leave();
		await ben.leave();
	});
}

function dropFile(page, file) {
	return page.evaluate(({ name, bytes }) => {
		const data = new DataTransfer();

		data.items.add(new File([Uint8Array.from(atob(bytes),
			(c) => c.charCodeAt(0))], name));
		document.querySelector(".drop").dispatchEvent(new DragEvent(
			"drop", { bubbles: true, cancelable: true,
				  dataTransfer: data }));
	}, { name: file.name, bytes: file.buffer.toString("base64") });
}

async function hostile_bytes(browser, step) {
	await step("hostile_console_bytes_stay_text", async () => {
		const eve = await Visitor.come(browser, {
			permissions: ["clipboard-read", "clipboard-write"] });
		const typed = [];

		eve.page.on("request", (r) => {
			if (r.url().includes("/input"))
				typed.push(r.postData());
		});
		await eve.page.addInitScript(() => {
			window.owned = [];
			window.alert = () => window.owned.push("alert");
		});
		await eve.upload("hostile");
		await eve.sees("HOSTILE END", BOOT_MS);
		await eve.page.waitForTimeout(300);
		await eve.shot("hostile");
		/* the word of OSC 8 is no link: nothing opens, nothing asks */
		await clickWord(eve.page, "click");
		check((await eve.text()).includes("<img src=x onerror"),
		      "markup is shown as text");
		same(await eve.page.locator(".screen img, .screen script, " +
			".screen a").count(), 0, "elements in the console");
		check(!(await eve.page.title()).includes("owned"),
		      "the title was changed");
		same(await eve.page.evaluate(() => window.owned.length), 0,
		     "scripts run");
		check(!(await eve.page.evaluate(() =>
			navigator.clipboard.readText())).includes("owned"),
		      "the clipboard was written");
		same(typed.join("|"), "", "answers typed at the board");
		await cancelAll();
		await eve.leave();
	});
}

/* Clicks on a word at the start of a line of the console. */
async function clickWord(page, word) {
	const place = await page.locator(".xterm-rows > div", {
		hasText: new RegExp(`^${word}`) }).first().boundingBox();
	const at = [place.x + 12, place.y + place.height / 2];

	await page.mouse.move(at[0] + 5, at[1]);
	await page.mouse.move(...at);
	await page.waitForTimeout(200);
	await page.mouse.click(...at);
	await page.waitForTimeout(200);
}

/* Whatever a daemon may let through, the page shows it as text. */
async function names_and_reasons(browser, step) {
	await step("hostile_names_stay_text", async () => {
		const eve = await Visitor.come(browser);
		const evil = "<img src=x onerror=alert(1)><b>'\"&lt;";
		const job = { id: 9, state: "done", verdict: "fail", name: evil,
			      reason: evil, user: evil, board: evil,
			      bootargs: evil, writer: evil, log_size: 0,
			      pass: [evil], fail: [evil] };
		const board = { name: evil, state: "down", health: "down",
				reason: evil, power: evil, job: null };
		const answer = (json) => (route) => route.fulfill({ json });
		const check_page = async (where, words) => {
			await eve.open(where);
			await eve.page.getByText("<img src=x").nth(words)
				.waitFor({ state: "attached" });
			same(await eve.page.locator("main img, main b").count(),
			     0, `elements made of text at ${where}`);
		};

		await eve.page.route("**/api/jobs",
				     answer({ jobs: [job] }));
		await eve.page.route("**/api/boards",
				     answer({ boards: [board] }));
		await eve.page.route("**/api/jobs/9/events", (route) =>
			route.fulfill({ contentType: "text/event-stream",
					body: over(job) }));
		await check_page("/", 6);
		await check_page("/jobs/9", 6);
		await eve.leave();
	});
}

async function flood(browser, step) {
	await step("ten_megabytes_leave_the_page_smooth", async () => {
		const anna = await Visitor.come(browser);
		let id;
		let log;

		await anna.page.addInitScript(() => {
			let last = performance.now();

			window.longest = 0;
			setInterval(() => {
				const now = performance.now();

				window.longest = Math.max(window.longest,
							  now - last);
				last = now;
			}, 10);
		});
		id = await anna.upload("flood");
		await anna.sees("FLOOD BEGIN", BOOT_MS);
		await anna.page.evaluate(() => { window.longest = 0; });
		await anna.sees("FLOOD END", 30000);
		check(await anna.page.evaluate(() => window.longest) < 1000,
		      "the page stood still for " +
		      `${await anna.page.evaluate(() => window.longest)} ms`);
		log = Buffer.from(await (await fetch(new URL(
			`/api/jobs/${id}/log`, base))).arrayBuffer());
		check(log.length > 10e6, `the log has ${log.length} bytes`);
		await anna.shot("flood");
		await stopAndGo(anna.page, id, log);
		/* a late viewer gets the end at once, and a word about it */
		await anna.page.reload();
		await anna.sees("FLOOD END", 5000);
		await anna.page.locator(".skipped").getByText("skipped")
			.waitFor();
		await anna.shot("flood-late");
		await downloadIs(anna.page, log);
		await anna.page.getByRole("button", { name: "show all of it" })
			.click();
		await anna.page.locator(".skipped").waitFor({
			state: "hidden" });
		await anna.sees("FLOOD END", 20000);
		await cancelAll();
		await anna.leave();
	});
}

/* Stopped and started anew at any moment, also while it waits to retry. */
async function stopAndGo(page, id, log) {
	const got = await page.evaluate(async (job) => {
		const { Follower } = await import("/static/follow.js");
		const seen = [];
		let length = 0;
		const follower = new Follower(job, {
			bytes: async (bytes) => {
				seen.push(bytes);
				length += bytes.length;
				/* as slow as drawing */
				await new Promise((go) => setTimeout(go, 1));
			},
			state: () => {}, link: () => {},
			skipped: () => {}, failed: () => {} });

		follower.whole = true;
		follower.run();
		while (length < 3e6) {
			await new Promise((go) => setTimeout(go, 20));
			follower.stop();
			follower.run();
		}
		follower.stop();
		await new Promise((go) => setTimeout(go, 50));
		const hash = await crypto.subtle.digest("SHA-256",
			await new Blob(seen).arrayBuffer());

		return { length, hash: Array.from(new Uint8Array(hash)) };
	}, id);

	same(Buffer.from(got.hash).toString("hex"),
	     createHash("sha256").update(log.subarray(0, got.length))
		.digest("hex"), "hash of what was followed");
}

async function downloadIs(page, log) {
	const coming = page.waitForEvent("download");
	const hash = (bytes) => createHash("sha256").update(bytes)
		.digest("hex");

	await page.locator(".skipped a").click();
	same(hash(readFileSync(await (await coming).path())), hash(log),
	     "hash of the downloaded log");
}

function sse(bytes, from, end) {
	return `id: ${end ?? from + bytes.length}\n` +
		`data: ${bytes.toString("base64")}\n\n`;
}

function over(job) {
	return `event: end\ndata: ${JSON.stringify(job)}\n\n`;
}

/* The page's own stream code against answers that no good daemon gives. */
async function broken_streams(browser, step) {
	const log = randomBytes(3000);
	const end = over({ id: 9, state: "done", verdict: "pass",
			   log_size: 3000 });
	const answers = [
		sse(log.subarray(0, 1000), 0),
		/* cut in mid-event */
		sse(log.subarray(1000, 2000), 1000).slice(0, -30),
		/* twice, and half of it new */
		sse(log.subarray(500, 1500), 500),
		/* a gap */
		sse(log.subarray(1600, 1700), 1600),
		/* not base64, then an id that is no number */
		"id: 1600\ndata: !!!\n\n",
		`id: x\ndata: ${log.toString("base64")}\n\n`,
		": heartbeat\r\n\r\n" + sse(log.subarray(1500), 1500)
			.replaceAll("\n", "\r\n") + end,
	];

	await step("broken_streams_lose_and_repeat_nothing", async () => {
		const anna = await Visitor.come(browser);
		const asked = [];
		let got;

		await anna.page.route("**/api/jobs/9/events", (route) => {
			asked.push(route.request().headers()["last-event-id"]);
			return route.fulfill({
				body: answers[asked.length - 1],
				contentType: "text/event-stream" });
		});
		await anna.open("/");
		got = await anna.page.evaluate(async () => {
			const { Follower } =
				await import("/static/follow.js");
			const seen = [];
			const follower = new Follower("9", {
				bytes: async (b) => seen.push(...b),
				state: () => {}, link: () => {},
				skipped: () => {}, failed: () => {} });

			await follower.run();
			return seen;
		});
		check(Buffer.from(got).equals(log), "other bytes than sent");
		same(asked.join(), "0,1000,1000,1500,1500,1500,1500",
		     "offsets asked for");
		await anna.leave();
	});
}

async function no_xterm(browser, step) {
	await step("without_xterm_the_console_is_plain_text", async () => {
		const anna = await Visitor.come(browser);
		const log = "\x1b[31mred\x1b[0m <b>x</b> " +
			"\x1b]0;owned\x07end\r\n";
		const job = { id: 9, state: "done", verdict: "pass",
			      reason: "fine", log_size: log.length };

		await anna.page.route("**/static/xterm.js",
				      (route) => route.abort());
		await anna.page.route("**/api/jobs/9/events", (route) =>
			route.fulfill({ contentType: "text/event-stream",
				body: sse(Buffer.from(log), 0) + over(job) }));
		await anna.open("/jobs/9");
		await anna.page.getByText("red <b>x</b> end").waitFor();
		await anna.leave();
	});
}

async function login(browser, step) {
	await step("a_lab_with_tokens_asks_for_one", async () => {
		const anna = await Visitor.come(browser);
		let known = false;

		await anna.page.route("**/api/**", async (route) => {
			const request = route.request();

			if (request.url().endsWith("/api/login")) {
				known = request.postDataJSON().token ===
					"secret";
				return route.fulfill({
					status: known ? 204 : 401 });
			}
			return known ? route.continue() : route.fulfill({
				status: 401, json: { error: "a token" } });
		});
		await anna.open("/");
		await anna.page.getByLabel("Token").fill("wrong");
		await anna.page.keyboard.press("Enter");
		await anna.page.getByText("does not know this token").waitFor();
		await anna.page.keyboard.press("Escape");
		await anna.shot("login");
		await anna.page.getByLabel("Token").fill("secret");
		await anna.page.keyboard.press("Enter");
		await anna.page.getByText("Drop an Image here").waitFor();
		await anna.leave();
	});
	await step("a_refused_upload_says_why", async () => {
		const anna = await Visitor.come(browser);

		await anna.page.route("**/api/jobs?*", (route) =>
			route.fulfill({ status: 429, headers: {
				"Retry-After": "30" },
				json: { error: "the queue is <full>" } }));
		await anna.open("/");
		await anna.page.setInputFiles("#files", [imageFile("shell")]);
		await anna.page.getByRole("button", { name: "Boot it" })
			.click();
		await anna.page.getByText(
			"the queue is <full>; try again in 30 s").waitFor();
		await anna.page.getByRole("button", { name: "Boot it" })
			.waitFor();
		await anna.leave();
	});
}

async function logIn(visitor, token) {
	await visitor.page.getByLabel("Token").fill(token);
	await visitor.page.keyboard.press("Enter");
	await visitor.page.getByText("Running and waiting").waitFor();
}

/* A daemon with tokens: who may do what, as its users see it. */
async function tokens(browser, anyStep) {
	const lab = JSON.parse(process.env.LAB_TEST_TOKENS ?? "null");
	const come = async (user) => {
		const visitor = await Visitor.come(browser);

		visitor.base = lab.url;
		await visitor.open("/");
		await logIn(visitor, lab[user]);
		return visitor;
	};
	const step = (name, run) => anyStep(name, async () => {
		if (!lab)
			throw new Skip("no daemon with tokens here");
		await run();
	});
	let anna;
	let id;

	await step("a_token_opens_the_lab_and_stays_secret", async () => {
		anna = await come("anna");
		id = await anna.upload("shell");
		await anna.sees("# ", BOOT_MS);
		await anna.page.reload();
		await anna.sees("# ", BOOT_MS);
		await anna.page.getByText("anna (run)").waitFor();
		check(!(await anna.page.evaluate(() => document.cookie +
			JSON.stringify({ ...localStorage,
					 ...sessionStorage })))
			.includes(lab.anna), "the token lies in the page");
		same(await anna.page.evaluate(() => document.cookie), "",
		     "cookies that scripts can read");
	});
	for (const user of ["walt", "ben"])
		await step(`${user}_may_watch_and_no_more`, async () => {
			const visitor = await come(user);

			same(await visitor.page.locator(".upload").count(),
			     user === "ben" ? 1 : 0, "upload forms");
			await visitor.open(`/jobs/${id}`);
			await visitor.sees("# ");
			await visitor.page.getByText("You may watch").waitFor();
			check(await visitor.page.getByRole("button", {
				name: "Cancel job" }).isHidden(),
			      "a cancel button");
			await visitor.page.locator(".screen").click();
			await visitor.page.keyboard.type("stolen\r");
			await visitor.page.waitForTimeout(200);
			check(!(await visitor.text()).includes("stolen"),
			      "typed at another one's job");
			await visitor.leave();
		});
	await step("an_admin_may_cancel_and_log_out_again", async () => {
		const ada = await come("ada");

		await ada.open(`/jobs/${id}`);
		for (const name of ["Cancel job", "Really cancel?"])
			await ada.page.getByRole("button", { name }).click();
		await anna.page.locator(".banner[data-kind=cancelled]")
			.waitFor();
		await ada.page.getByRole("button", { name: "Log out" })
			.click();
		await ada.page.getByLabel("Token").waitFor();
		await ada.leave();
		await anna.leave();
	});
}

async function headers(browser, step) {
	await step("the_page_is_served_under_a_strict_policy", async () => {
		for (const where of ["/", "/jobs/1", "/static/app.js"]) {
			const answer = await fetch(new URL(where, base));
			const csp = answer.headers.get(
				"content-security-policy") ?? "";

			same(answer.status, 200, `status of ${where}`);
			same(answer.headers.get("x-content-type-options"),
			     "nosniff", `nosniff of ${where}`);
			check(/default-src 'none'/.test(csp) &&
			      /frame-ancestors 'none'/.test(csp) &&
			      /script-src 'self'/.test(csp) &&
			      !/unsafe/.test(csp),
			      `policy of ${where}: ${csp}`);
		}
	});
}

const GROUPS = [headers, login, tokens, broken_streams, no_xterm,
		names_and_reasons, a_visit, hostile_bytes, flood, long_queue];

/* Sixty wait, so the newest fifty do not hold the one that runs. */
async function long_queue(browser, step) {
	await step("what_runs_is_shown_behind_a_long_queue", async () => {
		const fay = await Visitor.come(browser);
		const kinds = ["pass", "fail", "panic", "timeout", "infra"];
		const job = (id, more) => ({ id, name: `kernel ${id}`,
			user: id % 2 ? "anna" : "ben", board: null,
			created: 1, started: null, finished: null, ...more });
		const over = kinds.map((verdict, n) => job(5 - n, { verdict,
			state: "done", reason: `why it is ${verdict}`,
			board: "virt", finished: Date.now() / 1000 - 9 * n }));
		const active = [...Array(60).keys()].map((n) => job(66 - n,
			{ state: "queued", position: 60 - n, eta: 99 }));
		const board = (name, more) => ({ name, state: "busy",
			health: "ok", reason: null, job: null, on: true,
			power: "relay", console: "tty", netboot: "dnsmasq",
			jobs: 1, infra: 0, power_cycles: 1, ...more });

		active.push(job(6, { state: "running", stage: "kernel",
				     board: "virt", started: 1 }));
		await fay.page.route(/\/api\/jobs(\?|$)/, (route) => {
			const query = new URL(route.request().url())
				.searchParams;

			route.fulfill({ json: { jobs: query.get("state") ?
				active : query.get("before") ? over :
				active.slice(0, 50) } });
		});
		await fay.page.route("**/api/boards", (route) =>
			route.fulfill({ json: { boards: [
				board("virt", { job: 6 }),
				board("vf2", { state: "down", health: "down",
					reason: "relay /dev/ttyUSB0: does " +
						"not answer" })] } }));
		await fay.open("/");
		await fay.page.getByRole("row", { name: /kernel, started/ })
			.waitFor();
		same(await fay.page.locator("tbody tr").count(), 61, "rows");
		await fay.page.getByText("1 run, 0 with").first().waitFor();
		await fay.page.getByRole("button", { name: "Older jobs" })
			.click();
		await fay.page.getByText("why it is panic").waitFor();
		await fay.shot("queue");
		await fay.page.getByText("why it is panic")
			.scrollIntoViewIfNeeded();
		await fay.shot("finished");
		await fay.leave();
	});
}

async function main() {
	const counts = { passed: 0, failed: 0, skipped: 0 };
	const { chromium } = createRequire(path.join(playwright, "x.js"))(
		"playwright-core");
	const browser = await chromium.launch({
		executablePath: chromiumPath,
		args: process.getuid() === 0 ? ["--no-sandbox"] : [],
	});
	const step = async (name, run) => {
		const start = Date.now();

		try {
			await run();
			counts.passed++;
			console.log(`PASS ${name} ` +
				`(${(Date.now() - start) / 1000} s)`);
			return true;
		} catch (error) {
			counts[error instanceof Skip ? "skipped" : "failed"]++;
			console.log(error instanceof Skip ?
				`SKIP ${name}: ${error.message}` :
				`FAIL ${name}: ${error.stack}`);
			return error instanceof Skip;
		}
	};

	try {
		for (const group of GROUPS)
			if (group.name.includes(pattern))
				await group(browser, step);
		await cancelAll();
	} finally {
		await browser.close();
	}
	console.log(`${counts.passed} passed, ${counts.failed} failed, ` +
		    `${counts.skipped} skipped`);
	process.exitCode = counts.failed ? 1 : 0;
}

if (!base) {
	console.error("usage: web_test.mjs URL [PATTERN]");
	process.exit(64);
}
if (!existsSync(path.join(playwright, "node_modules/playwright-core")) ||
    !chromiumPath) {
	console.log("SKIP all: no playwright-core or no chromium");
	console.log("0 passed, 0 failed, 1 skipped");
	process.exit(0);
}
await main();
