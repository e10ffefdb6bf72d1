/*
 * Tokens are 24 random bytes in hexadecimal; the database has only their
 * BLAKE2b hash. A login trades a token for a session of the same kind, so that
 * a stolen cookie ends by itself and the token never lives in a browser.
 */
#include "tools/lab/auth.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

#include "tools/lab/db.h"
#include "tools/lab/loop.h"

#define SECRET_BYTES 24
#define HASH_BYTES   32

static const char *const role_names[] = {"none", "watch", "run", "admin"};

const char *auth_role_name(enum auth_role r)
{
	return role_names[r];
}

enum auth_role auth_role_from_name(const char *name)
{
	for (enum auth_role r = ROLE_WATCH; r <= ROLE_ADMIN; r++)
		if (strcmp(name, role_names[r]) == 0)
			return r;
	return ROLE_NONE;
}

static void hash_text(const char *text, uint8_t out[HASH_BYTES])
{
	crypto_generichash(out, HASH_BYTES, (const uint8_t *)text, strlen(text),
			   NULL, 0);
}

static void secret_make(char *out)
{
	uint8_t bytes[SECRET_BYTES];

	randombytes_buf(bytes, sizeof(bytes));
	sodium_bin2hex(out, AUTH_SESSION_MAX, bytes, sizeof(bytes));
}

int auth_token_make(const char *user, enum auth_role role, char *out)
{
	struct db_token t = {.created = loop_wall()};

	secret_make(out);
	hash_text(out, t.hash);
	strncpy(t.user, user, sizeof(t.user) - 1);
	strncpy(t.role, role_names[role], sizeof(t.role) - 1);
	return db_token_add(&t);
}

/* A walk over all rows, without a way out at the first match. */
struct search {
	uint8_t hash[HASH_BYTES];
	struct auth_who *who;
	int64_t id;
};

static void compare(void *arg, const struct db_token *t)
{
	struct search *s = arg;

	if (sodium_memcmp(s->hash, t->hash, HASH_BYTES) != 0)
		return;
	s->id = t->id;
	strcpy(s->who->user, t->user);
	s->who->role = auth_role_from_name(t->role);
}

bool auth_check(const char *token, const char *session, struct auth_who *who)
{
	struct search s = {.who = who};

	if (token) {
		hash_text(token, s.hash);
		db_tokens(compare, &s);
	} else if (session) {
		hash_text(session, s.hash);
		db_sessions(loop_wall(), compare, &s);
	}
	return s.id != 0;
}

int auth_login(const char *token, char *session)
{
	struct auth_who who;
	struct search s = {.who = &who};
	uint8_t hash[HASH_BYTES];

	hash_text(token, s.hash);
	db_tokens(compare, &s);
	if (!s.id)
		return -EACCES;
	secret_make(session);
	hash_text(session, hash);
	return db_session_add(hash, s.id, loop_wall() + AUTH_SESSION_LIFE);
}

void auth_logout(const char *session)
{
	uint8_t hash[HASH_BYTES];

	hash_text(session, hash);
	db_session_delete(hash);
}
