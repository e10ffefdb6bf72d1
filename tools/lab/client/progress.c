/*
 * The progress bar of an upload, on standard error when that is a terminal.
 */
#include "tools/lab/client/progress.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "tools/lab/client/clock.h"

#define REDRAW_MS 100

static void progress_bar(struct buf *line, uint64_t sent, uint64_t total,
			 size_t width)
{
	size_t full = (size_t)((double)sent / (double)total * (double)width);

	buf_append(line, " [", 2);
	for (size_t i = 0; i < width; i++)
		buf_append(line, i < full ? "#" : " ", 1);
	buf_append(line, "]", 1);
}

void progress_line(struct buf *line, uint64_t sent, uint64_t total, uint64_t ms,
		   unsigned int columns)
{
	char text[128];
	double mib = 1 << 20;
	double speed = ms ? (double)sent / mib * 1000 / (double)ms : 0;

	if (sent > total && total)
		sent = total;
	if (!total) {
		snprintf(text, sizeof(text), "uploading %.1f MiB, %.1f MiB/s",
			 (double)sent / mib, speed);
		buf_append(line, text, strnlen(text, columns));
		return;
	}
	snprintf(text, sizeof(text),
		 "uploading %.1f of %.1f MiB %3d%% %.1f "
		 "MiB/s",
		 (double)sent / mib, (double)total / mib,
		 (int)((double)sent / (double)total * 100), speed);
	buf_append(line, text, strnlen(text, columns));
	if (columns > strlen(text) + 13)
		progress_bar(line, sent, total,
			     columns - strlen(text) - 3 > 40
				     ? 40
				     : columns - strlen(text) - 3);
}

void progress_show(struct progress *progress, uint64_t sent, uint64_t total)
{
	uint64_t now = clock_ms();
	struct winsize size = {0};
	struct buf line = {0};

	if (!progress->start_ms)
		progress->start_ms = now;
	if (!sent || (progress->shown && now - progress->shown_ms < REDRAW_MS))
		return;
	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) || !size.ws_col)
		size.ws_col = 80;
	progress_line(&line, sent, total, now - progress->start_ms,
		      size.ws_col - 1u);
	fprintf(stderr, "\r\x1b[K%s", line.len ? line.data : "");
	progress->shown = true;
	progress->shown_ms = now;
	buf_free(&line);
}

void progress_end(struct progress *progress)
{
	if (progress->shown)
		fputs("\r\x1b[K", stderr);
	progress->shown = false;
}
