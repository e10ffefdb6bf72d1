/*
 * A guest's Image is taken as a stream (kernel/guest/image.h). Its header
 * decides where everything goes; what does not fit is refused before a byte is
 * copied.
 */
#include "kernel/guest/loader.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include <libfdt.h>

#include "kernel/guest/image.h"
#include "kernel/guest/layout.h"
#include "lib/range.h"

/* Linux maps itself by leaves of this size; it is wrong anywhere else. */
#define IMAGE_ALIGN MIB(2)

static int refuse(struct loader_error *error, int number, const char *file,
		  const char *why)
{
	error->file = file;
	error->why = why;
	return number;
}

static int image_check(const struct image_header *header,
		       const struct loader_sizes *sizes,
		       struct loader_error *error)
{
	const char *why = image_header_problem(header, sizes->file);

	if (!why && header->text_offset % IMAGE_ALIGN)
		why = "text_offset is not a multiple of 2 MiB";
	if (why)
		return refuse(error, -ENOEXEC, "Image", why);
	/* The sum does not overflow: that was checked. */
	if (header->text_offset + header->image_size > sizes->memory)
		return refuse(error, -ENOSPC, "Image",
			      "text_offset + image_size is more than the "
			      "guest's memory");
	return 0;
}

/* The highest place for @size bytes below @limit, clear of @image; 0: none. */
static gpa_t place_find(gpa_t limit, uint64_t size, const struct range *image)
{
	struct range place = {0, size};

	if (size > limit - GUEST_RAM_BASE)
		return 0;
	place.start = align_down(limit - size, PAGE_SIZE);
	if (!range_overlaps(&place, image))
		return place.start;
	/* Nothing fits above the Image. */
	if (size > image->start - GUEST_RAM_BASE)
		return 0;
	return align_down(image->start - size, PAGE_SIZE);
}

int loader_plan(const struct image_header *header,
		const struct loader_sizes *sizes, struct loader_plan *out,
		struct loader_error *error)
{
	gpa_t limit = GUEST_RAM_BASE + min_u64(sizes->memory, LOADER_WINDOW);
	struct range image;
	int result = image_check(header, sizes, error);

	if (result)
		return result;
	image = range_make(GUEST_RAM_BASE + header->text_offset,
			   header->image_size);
	out->image = image.start;
	out->image_size = image.size;
	out->fdt_room = GFDT_ROOM;
	out->fdt = place_find(limit, GFDT_ROOM, &image);
	if (!out->fdt)
		return refuse(error, -ENOSPC, "device tree",
			      "no room beside the Image in the first 256 MiB "
			      "of memory");
	out->initrd = 0;
	if (!sizes->initrd)
		return 0;
	out->initrd = place_find(out->fdt, sizes->initrd, &image);
	if (!out->initrd)
		return refuse(error, -ENOSPC, "initrd",
			      "no room beside the Image in the first 256 MiB "
			      "of memory");
	return 0;
}

/* How far an Image is followed. */
enum image_depth {
	IMAGE_LOOK,  /* its header */
	IMAGE_CHECK, /* all of it */
	IMAGE_COPY,  /* into the guest */
};

/* An Image on its way into the guest. */
struct image_stream {
	const struct loader_job *job;
	struct loader_plan *plan;
	struct loader_error *error;
	struct loader_sizes sizes;
	enum image_depth depth;
	uint64_t done;
};

static int job_write(const struct loader_job *job, gpa_t to, const void *from,
		     uint64_t size)
{
	return size ? job->ops->write(job->arg, to, from, size) : 0;
}

static int image_begin(void *arg, const struct image_header *header)
{
	struct image_stream *s = arg;
	int result = loader_plan(header, &s->sizes, s->plan, s->error);

	if (!result && s->depth == IMAGE_LOOK)
		return -ECANCELED; /* enough was seen */
	return result;
}

/* The next bytes of the Image, which is planned. */
static int image_write(void *arg, const void *from, uint64_t size)
{
	struct image_stream *s = arg;
	uint64_t at = s->done;
	int result;

	if (size > s->plan->image_size - at)
		return refuse(s->error, -ENOEXEC, "Image",
			      "is longer than its image_size");
	s->done += size;
	if (s->depth != IMAGE_COPY)
		return 0;
	result = job_write(s->job, s->plan->image + at, from, size);
	return result ? refuse(s->error, result, "Image",
			       "cannot be written to the guest's memory")
		      : 0;
}

static int image_load(struct loader_job *job, enum image_depth depth,
		      struct loader_plan *plan, struct loader_error *error)
{
	const struct guest_config *config = job->config;
	struct image_stream s = {.job = job,
				 .plan = plan,
				 .error = error,
				 .sizes = {config->image.size,
					   config->initrd.size, config->memory},
				 .depth = depth};
	const struct image_sink sink = {image_begin, image_write, &s};
	const char *why;
	void *work = NULL;
	int result;

	if (config->image_gz) {
		/* More is found when it comes, against image_size. */
		s.sizes.file = IMAGE_HEADER_SIZE;
		work = job->ops->alloc(job->arg, INFLATE_WORK);
		if (!work)
			return refuse(error, -ENOMEM, "Image",
				      "out of memory to unpack it");
	}
	result = image_read((const uint8_t *)job->bundle + config->image.start,
			    config->image.size, work, &sink, &why);
	if (work)
		job->ops->free(job->arg, work);
	/* Without a reason of its own it was stopped by one of the two. */
	return result && why ? refuse(error, result, "Image", why) : result;
}

static int tree_build(struct loader_job *job, const struct loader_plan *plan,
		      void *buf)
{
	struct gfdt_input *in = &job->tree;

	in->memory = job->config->memory;
	in->vcpus = job->config->vcpus;
	in->bootargs = job->config->bootargs;
	in->initrd = range_make(plan->initrd, job->config->initrd.size);
	return gfdt_build(buf, GFDT_ROOM, in);
}

/* Build the tree aside, then copy it: guest RAM may be in several pieces. */
static int tree_load(struct loader_job *job, bool copy,
		     const struct loader_plan *plan, struct loader_error *error)
{
	void *buf = job->ops->alloc(job->arg, GFDT_ROOM);
	int result;

	if (!buf)
		return refuse(error, -ENOMEM, "device tree", "out of memory");
	result = tree_build(job, plan, buf);
	if (!result && copy)
		result = job_write(job, plan->fdt, buf, fdt_totalsize(buf));
	/* The guest's seed is no one else's. */
	memset(buf, 0, GFDT_ROOM);
	job->ops->free(job->arg, buf);
	return result ? refuse(error, result, "device tree", "cannot be made")
		      : 0;
}

int loader_load(struct loader_job *job, struct loader_plan *plan,
		struct loader_error *error)
{
	const uint8_t *bundle = job->bundle;
	int result = image_load(job, IMAGE_COPY, plan, error);

	if (result)
		return result;
	result =
		job_write(job, plan->initrd, bundle + job->config->initrd.start,
			  job->config->initrd.size);
	if (result)
		return refuse(error, result, "initrd",
			      "cannot be written to the guest's memory");
	return tree_load(job, true, plan, error);
}

int loader_look(struct loader_job *job, struct loader_plan *plan,
		struct loader_error *error)
{
	int result = image_load(job, IMAGE_LOOK, plan, error);

	return result == -ECANCELED ? 0 : result;
}

int loader_check(struct loader_job *job, struct loader_plan *plan,
		 struct loader_error *error)
{
	int result = image_load(job, IMAGE_CHECK, plan, error);

	return result ? result : tree_load(job, false, plan, error);
}
