/*
 * The PLIC's state is three words of bits by source. A gateway passes a request
 * on (sets its pending bit) when its input is high and nothing of this source
 * is pending or in service; a claim moves the bit from pending to in service, a
 * completion takes it from there. So each source is handled by itself: what
 * completes cannot take another's pending bit along.
 */
#include "kernel/guest/vplic.h"

#include <errno.h>
#include <string.h>

/* Chapter "Memory Map": a word per source, bit words, pages per context. */
#define PRIORITY_END  0x1000u
#define PENDING	      0x1000u
#define ENABLE_START  0x2000u
#define ENABLE_SIZE   0x80u /* of a context */
#define ENABLE_END    (ENABLE_START + ENABLE_SIZE * GUEST_VCPUS_MAX)
#define CONTEXT_START 0x200000u
#define CONTEXT_SIZE  0x1000u
#define CONTEXT_END   (CONTEXT_START + CONTEXT_SIZE * GUEST_VCPUS_MAX)
#define THRESHOLD     0u /* in a context's page */
#define CLAIM	      4u

#define SOURCES_ALL 0xfffffffeu /* source 0 does not exist */

/* The source of @candidates to serve first: of the highest priority the lowest
 * number; 0 when none has a priority above @threshold. */
static unsigned best_source(const struct vplic *p, uint32_t candidates,
			    unsigned threshold)
{
	unsigned source, best = 0;

	for (; candidates; candidates &= candidates - 1) {
		source = __builtin_ctz(candidates);
		if (p->priority[source] > threshold) {
			threshold = p->priority[source];
			best = source;
		}
	}
	return best;
}

static void context_update(struct vplic *p, unsigned n)
{
	struct vplic_context *c = &p->context[n];
	bool level = best_source(p, p->pending & c->enable, c->threshold);

	if (level == c->level)
		return;
	c->level = level;
	p->output(p->arg, n, level);
}

/* Contexts that have any of @sources on may have changed. */
static void contexts_update(struct vplic *p, uint32_t sources)
{
	for (unsigned n = 0; n < p->context_count; n++)
		if (p->context[n].enable & sources)
			context_update(p, n);
}

static void gateways_update(struct vplic *p)
{
	uint32_t raised = p->wire & ~p->pending & ~p->in_service;

	p->pending |= raised;
	if (raised)
		contexts_update(p, raised);
}

/* The threshold masks the interrupt only: a claim takes what is below it. */
static uint32_t claim(struct vplic *p, unsigned n)
{
	unsigned source;

	source = best_source(p, p->pending & p->context[n].enable, 0);
	if (!source)
		return 0;
	p->pending &= ~(1u << source);
	p->in_service |= 1u << source;
	contexts_update(p, 1u << source);
	return source;
}

/* Ignored unless the source is enabled for the context that completes it. */
static void complete(struct vplic *p, unsigned n, uint32_t source)
{
	if (source > GUEST_PLIC_SOURCES ||
	    !(p->context[n].enable & p->in_service & 1u << source))
		return;
	p->in_service &= ~(1u << source);
	gateways_update(p);
}

static void priority_write(struct vplic *p, unsigned source, uint32_t value)
{
	if (!source || source > GUEST_PLIC_SOURCES)
		return;
	p->priority[source] = value & VPLIC_PRIORITY_MAX;
	contexts_update(p, 1u << source);
}

static void context_write(struct vplic *p, unsigned n, unsigned reg,
			  uint32_t value)
{
	if (reg == CLAIM) {
		complete(p, n, value);
	} else if (reg == THRESHOLD) {
		p->context[n].threshold = value & VPLIC_PRIORITY_MAX;
		context_update(p, n);
	}
}

static void reg_write(struct vplic *p, uint32_t offset, uint32_t value)
{
	unsigned n;

	if (offset < PRIORITY_END) {
		priority_write(p, offset / 4, value);
	} else if (offset >= ENABLE_START && offset < ENABLE_END) {
		n = (offset - ENABLE_START) / ENABLE_SIZE;
		if (n >= p->context_count || offset % ENABLE_SIZE)
			return;
		p->context[n].enable = value & SOURCES_ALL;
		context_update(p, n);
	} else if (offset >= CONTEXT_START && offset < CONTEXT_END) {
		n = (offset - CONTEXT_START) / CONTEXT_SIZE;
		if (n < p->context_count)
			context_write(p, n, offset % CONTEXT_SIZE, value);
	}
}

static uint32_t context_read(struct vplic *p, unsigned n, unsigned reg)
{
	if (reg == CLAIM)
		return claim(p, n);
	return reg == THRESHOLD ? p->context[n].threshold : 0;
}

static uint32_t reg_read(struct vplic *p, uint32_t offset)
{
	unsigned n;

	if (offset == PENDING)
		return p->pending;
	if (offset >= ENABLE_START && offset < ENABLE_END) {
		n = (offset - ENABLE_START) / ENABLE_SIZE;
		return offset % ENABLE_SIZE ? 0 : p->context[n].enable;
	}
	if (offset >= CONTEXT_START && offset < CONTEXT_END) {
		n = (offset - CONTEXT_START) / CONTEXT_SIZE;
		return context_read(p, n, offset % CONTEXT_SIZE);
	}
	return 0;
}

static __attribute__((noinline)) void access_locked(struct vplic *p,
						    uint32_t offset,
						    struct vcpu_mmio *mmio)
{
	spin_lock(&p->lock);
	if (mmio->write)
		reg_write(p, offset, mmio->value);
	else
		mmio->value = reg_read(p, offset);
	spin_unlock(&p->lock);
}

int vplic_access(void *dev, uint64_t offset, struct vcpu_mmio *mmio)
{
	struct vplic *p = dev;

	if (mmio->width != 4 || offset >= GUEST_PLIC_SIZE)
		return -EINVAL;
	/* One word that nothing else depends on: no lock. */
	if (!mmio->write && offset <= 4 * GUEST_PLIC_SOURCES)
		mmio->value = p->priority[offset / 4];
	else
		access_locked(p, offset, mmio);
	return 0;
}

void vplic_source_set(struct vplic *p, unsigned source, bool level)
{
	unsigned long flags = spin_lock_irqsave(&p->lock);

	if (level)
		p->wire |= 1u << source;
	else
		p->wire &= ~(1u << source);
	gateways_update(p);
	spin_unlock_irqrestore(&p->lock, flags);
}

void vplic_reset(struct vplic *p)
{
	unsigned long flags = spin_lock_irqsave(&p->lock);

	p->pending = p->in_service = 0;
	memset(p->priority, 0, sizeof(p->priority));
	for (unsigned n = 0; n < p->context_count; n++) {
		p->context[n].enable = p->context[n].threshold = 0;
		context_update(p, n);
	}
	gateways_update(p);
	spin_unlock_irqrestore(&p->lock, flags);
}

void vplic_init(struct vplic *p, unsigned contexts, vplic_output *output,
		void *arg)
{
	*p = (struct vplic){
		.output = output, .arg = arg, .context_count = contexts};
}
