/* The log, kept for a test to look at. */
#pragma once

/* All lines since fake_log_clear(), as `area: text` with newlines. */
extern char fake_log_text[4096];

void fake_log_clear(void);
