/* Words for error numbers: see the header. */
#include "kernel/error.h"

#include <errno.h>
#include <stddef.h>

const char *error_text(int error)
{
	static const struct {
		int error;
		const char *text;
	} table[] = {
		{ENOENT, "not there"},
		{EINVAL, "malformed"},
		{ERANGE, "out of range"},
		{ENODEV, "no such device"},
		{ENOMEM, "out of memory"},
		{EBUSY, "in use"},
		{ENOSPC, "no room left"},
		{ENOSYS, "not supported by the firmware"},
		{EIO, "refused"},
		{EAGAIN, "what it needs is not there"},
		{ETIMEDOUT, "no answer"},
		{EEXIST, "already there"},
		{EACCES, "disabled"},
		{ENAMETOOLONG, "too long"},
	};
	size_t i;

	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (table[i].error == -error)
			return table[i].text;
	return "error";
}
