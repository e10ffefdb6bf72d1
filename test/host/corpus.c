/* Finds and reads the trees of the corpus. */
#define _GNU_SOURCE
#include "test/host/corpus.h"

#include <fts.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/addr.h"

const struct corpus_board *corpus_find(const char *file)
{
	const char *name = strrchr(file, '/');

	name = name ? name + 1 : file;
	for (size_t i = 0; i < ARRAY_SIZE(corpus); i++)
		if (!strcmp(corpus[i].file, name))
			return &corpus[i];
	return NULL;
}

static void tree_run(const char *path,
		     void (*test)(const struct corpus_board *board, void *fdt,
				  uint32_t size))
{
	const struct corpus_board *board = corpus_find(path);
	FILE *file = fopen(path, "rb");
	uint32_t room = 1u << 20;
	void *fdt = aligned_alloc(8, room);
	uint32_t size;

	assert_non_null(file);
	assert_non_null(fdt);
	if (!board)
		fail_msg("%s has no row in test/host/corpus.h", path);
	size = (uint32_t)fread(fdt, 1, room, file);
	assert_true(size > 0 && size < room);
	fclose(file);
	print_message("%s\n", board->file);
	test(board, fdt, size);
	free(fdt);
}

unsigned corpus_each(const char *folder,
		     void (*test)(const struct corpus_board *board, void *fdt,
				  uint32_t size))
{
	const char *build = getenv("BUILD");
	unsigned count = 0;
	char path[4096];
	char *const roots[] = {path, NULL};
	FTSENT *entry;
	FTS *tree;

	snprintf(path, sizeof(path), "%s/%s/", build ? build : "build", folder);
	tree = fts_open(roots, FTS_LOGICAL | FTS_NOCHDIR, NULL);
	assert_non_null(tree);
	while ((entry = fts_read(tree)) != NULL) {
		const char *dot = strrchr(entry->fts_name, '.');

		if (entry->fts_info != FTS_F || !dot || strcmp(dot, ".dtb"))
			continue;
		tree_run(entry->fts_path, test);
		count++;
	}
	fts_close(tree);
	return count;
}
