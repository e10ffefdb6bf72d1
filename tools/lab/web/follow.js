/*
 * Follows a job: console bytes and states, over connections that come and go.
 * The id of an event is the log offset after its bytes, so what is new is
 * decided by the offset: nothing twice, nothing missing. What is too far
 * behind to be worth showing is skipped, with a word about it.
 */

import { getJson, request } from "./api.js";
import { SseParser, fromBase64 } from "./sse.js";

/* Further behind than this: skip. Then show this much of the end. */
const BEHIND_MAX = 4 << 20;
const TAIL = 512 << 10;

/* labd says something every 15 s; three times nothing is a dead line. */
const SILENCE_MS = 45000;
const DELAY_FIRST_MS = 250;
const DELAY_MAX_MS = 5000;
const CHECK_MS = 500;

class Skip extends Error {}

/*
 * @on: { bytes(Uint8Array) → Promise once shown, state(job), link(word),
 *        skipped(from, to), failed(Error) }
 */
export class Follower {
	constructor(id, on) {
		this.id = id;
		this.on = on;
		this.offset = 0;
		this.whole = false;	/* never skip */
		this.fresh = true;	/* nothing shown yet */
		this.seekLine = false;	/* drop bytes up to a line's end */
		this.ended = false;
		this.turn = null;	/* the run() that is under way */
		this.abort = null;
	}

	/** Follows until the job is over or stop() is called. */
	async run() {
		const turn = {};
		let delay = DELAY_FIRST_MS;

		/* one that still sleeps sees that it is not its turn */
		this.turn = turn;
		while (!this.ended && this.turn === turn) {
			const before = this.offset;
			const start = Date.now();

			try {
				await this.once(turn);
			} catch (error) {
				if (this.refused(error))
					return;
			}
			if (this.ended || this.turn !== turn)
				return;
			if (this.offset !== before ||
			    Date.now() - start > 2 * DELAY_MAX_MS)
				delay = DELAY_FIRST_MS;
			this.on.link("reconnecting");
			await new Promise((done) => setTimeout(done, delay));
			delay = Math.min(2 * delay, DELAY_MAX_MS);
		}
	}

	/** Drops the connection; run() takes up again where it was. */
	stop() {
		this.turn = null;
		this.abort?.abort();
	}

	refused(error) {
		const status = error.status ?? 0;
		const final = status >= 400 && status < 500 &&
			status !== 408 && status !== 429;

		if (final)
			this.on.failed(error);
		return final;
	}

	async once(turn) {
		const parser = new SseParser();
		const decoder = new TextDecoder();
		const abort = new AbortController();
		let answer;
		let reader;

		this.abort = abort;
		answer = await request(`/api/jobs/${this.id}/events`, {
			headers: { "Last-Event-ID": String(this.offset) },
			signal: abort.signal,
		});
		reader = answer.body.getReader();
		this.on.link("live");
		try {
			while (!this.ended && this.turn === turn) {
				const { value, done } =
					await this.read(reader, abort);

				if (done)
					return;
				await this.take(parser.feed(decoder.decode(
					value, { stream: true })), turn);
			}
		} catch (error) {
			if (!(error instanceof Skip))
				throw error;
		} finally {
			abort.abort();
		}
	}

	async read(reader, abort) {
		const timer = setTimeout(() => abort.abort(), SILENCE_MS);

		try {
			return await reader.read();
		} finally {
			clearTimeout(timer);
		}
	}

	async take(events, turn) {
		for (const event of events) {
			if (this.ended || this.turn !== turn)
				return;
			if (event.type === "message")
				await this.takeBytes(event);
			else if (event.type === "state")
				this.takeState(JSON.parse(event.data));
			else if (event.type === "end")
				this.takeEnd(JSON.parse(event.data));
		}
	}

	takeState(job) {
		this.on.state(job);
		this.skipIfBehind(job.log_size);
	}

	takeEnd(job) {
		this.ended = true;
		this.on.state(job);
		this.on.link("over");
	}

	async takeBytes(event) {
		let bytes = fromBase64(event.data);
		const end = Number(event.id);
		const start = end - bytes.length;

		if (!Number.isSafeInteger(end) || start < 0 ||
		    start > this.offset)
			throw new Error("the stream made no sense");
		if (end <= this.offset)
			return;
		bytes = this.afterLine(bytes.subarray(this.offset - start));
		this.offset = end;
		this.fresh = false;
		await this.on.bytes(bytes);
		await this.checkBehind();
	}

	/* After a skip the first thing shown is a whole line. */
	afterLine(bytes) {
		const at = bytes.indexOf(10);

		if (!this.seekLine || at < 0)
			return bytes;
		this.seekLine = false;
		return bytes.subarray(at + 1);
	}

	/* A flood: now and then ask how long the log has become. */
	async checkBehind() {
		const now = Date.now();

		this.checkedAt ??= now;
		this.checkedOffset ??= this.offset;
		if (this.whole || now - this.checkedAt < CHECK_MS ||
		    this.offset - this.checkedOffset < BEHIND_MAX / 4)
			return;
		this.checkedAt = now;
		this.checkedOffset = this.offset;
		this.skipIfBehind((await getJson(`/api/jobs/${this.id}`, {
			signal: this.abort.signal,
		})).log_size);
	}

	skipIfBehind(logSize) {
		const from = this.offset;

		if (this.whole || !(logSize - from > BEHIND_MAX))
			return;
		this.offset = logSize - TAIL;
		this.seekLine = true;
		this.on.skipped(from, this.offset);
		throw new Skip();
	}
}
