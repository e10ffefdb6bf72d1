#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "tools/lab/client/buf.h"

/**
 * progress_line() - append one line that shows how far an upload is.
 *
 * @sent of @total bytes (0: not known) after @ms milliseconds, at most
 * @columns wide, without a line end.
 */
void progress_line(struct buf *line, uint64_t sent, uint64_t total, uint64_t ms,
		   unsigned int columns);

/** Shows the progress of an upload on a terminal. All zero to begin with. */
struct progress {
	uint64_t start_ms;
	uint64_t shown_ms;
	bool shown;
};

/** progress_show() - draw anew, ten times a second at most. */
void progress_show(struct progress *progress, uint64_t sent, uint64_t total);

/** progress_end() - wipe the line. */
void progress_end(struct progress *progress);
