/*
 * Requests to labd. Its errors are JSON {error}; they become ApiError with
 * the words for people. 401 opens the login, whoever asked.
 */

export class ApiError extends Error {
	constructor(status, text, retryAfter) {
		super(text);
		this.status = status;
		this.retryAfter = retryAfter;
	}
}

const listeners = new Set();

/** Calls @listener whenever an answer says that a login is needed. */
export function onLoginNeeded(listener) {
	listeners.add(listener);
}

/** Who is logged in, as the daemon says; it decides, the page only hides. */
export const who = { user: "", role: "none", tokens: false };

/** Whether a job may be typed at and cancelled. */
export function mayChange(job) {
	return who.role === "admin" ||
		(who.role === "run" && who.user === job.user);
}

/** The words of a failed answer, whatever its body is. */
export function problemText(status, body) {
	try {
		const words = JSON.parse(body).error;

		if (typeof words === "string" && words)
			return words;
	} catch {
		/* not JSON: a proxy's page, or nothing */
	}
	return `the lab answered with status ${status}`;
}

/** An ApiError for a failed answer; 401 tells the listeners. */
export function problem(status, body, retryAfter) {
	if (status === 401)
		listeners.forEach((listener) => listener());
	return new ApiError(status, problemText(status, body), retryAfter);
}

/** fetch() that fails on everything but a 2xx. */
export async function request(path, options = {}) {
	let answer;

	try {
		answer = await fetch(path, {
			credentials: "same-origin",
			cache: "no-store",
			redirect: "error",
			...options,
		});
	} catch (error) {
		if (error.name === "AbortError")
			throw error;
		throw new ApiError(0, "the lab cannot be reached");
	}
	if (!answer.ok)
		throw problem(answer.status, await answer.text(),
			      answer.headers.get("Retry-After"));
	return answer;
}

/** The JSON of an answer. */
export async function getJson(path, options) {
	return (await request(path, options)).json();
}

/**
 * Uploads a new job; @onProgress gets the share sent, 0 to 1. Resolves to the
 * answer's JSON. XMLHttpRequest, for fetch() tells no progress.
 */
export function upload(query, files, onProgress, signal) {
	const xhr = new XMLHttpRequest();
	const more = files.initrd || files.dtb;
	let body = files.image;

	if (more) {
		body = new FormData();
		for (const part of ["image", "initrd", "dtb"])
			if (files[part])
				body.append(part, files[part]);
	}
	return new Promise((resolve, reject) => {
		xhr.open("POST", `/api/jobs?${query}`);
		if (!more)
			xhr.setRequestHeader("Content-Type",
					     "application/octet-stream");
		xhr.upload.onprogress = (event) => {
			if (event.lengthComputable)
				onProgress(event.loaded / event.total);
		};
		xhr.onload = () => {
			if (xhr.status === 201)
				resolve(JSON.parse(xhr.responseText));
			else
				reject(problem(xhr.status, xhr.responseText,
					xhr.getResponseHeader("Retry-After")));
		};
		xhr.onerror = () => reject(new ApiError(0,
			"the connection broke during the upload"));
		xhr.onabort = () => reject(new ApiError(0,
			"the upload was given up"));
		signal.addEventListener("abort", () => xhr.abort());
		xhr.send(body);
	});
}
