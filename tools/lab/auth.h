/* Who asks: tokens, sessions, roles. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "tools/lab/params.h"

enum auth_role {
	ROLE_NONE,
	ROLE_WATCH,
	ROLE_RUN,
	ROLE_ADMIN
};

#define AUTH_SESSION_MAX  64 /* text of a token or session, with NUL */
#define AUTH_SESSION_LIFE ((int64_t)7 * 24 * 3600 * 1000000)

struct auth_who {
	char user[PARAMS_USER_MAX + 1];
	enum auth_role role;
};

const char *auth_role_name(enum auth_role r);
enum auth_role auth_role_from_name(const char *name);

/*
 * Makes a token for user and prints nothing: its text goes to out (at least
 * AUTH_SESSION_MAX bytes); only its hash is kept. 0 or -EIO.
 */
int auth_token_make(const char *user, enum auth_role role, char *out);

/*
 * Who has this token, or this session (either may be NULL). The stored hashes
 * are all compared, in constant time. False: nobody.
 */
bool auth_check(const char *token, const char *session, struct auth_who *who);

/* Starts a session for a token's holder. 0, -EACCES, -EIO. */
int auth_login(const char *token, char *session);
void auth_logout(const char *session);
