/* The routes of the HTTP interface (docs/lab.md). */
#pragma once

#include "tools/lab/http.h"

extern const struct http_route api_routes[];

void api_init(const struct config *c);
