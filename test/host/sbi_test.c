/* Sources: kernel/guest/sbi.c kernel/guest/sbi_base.c kernel/guest/sbi_time.c
 * kernel/guest/sbi_ipi.c kernel/guest/sbi_rfence.c kernel/guest/sbi_hsm.c
 * kernel/guest/sbi_srst.c kernel/guest/sbi_dbcn.c kernel/guest/sbi_susp.c
 * kernel/guest/sbi_legacy.c test/host/fake/guest.c */
/*
 * The SBI that guests see: every function's answers and errors as the
 * specification's tables have them, and what hostile arguments do not do.
 */
#include "kernel/guest/sbi.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "arch/sbi.h"
#include "test/host/fake/guest.h"
#include "test/host/random.h"

#define ALL	 UINT64_MAX
#define POISON	 0x5a5a0000ull /* + number: what registers hold before */
#define RAM	 GUEST_RAM_BASE
#define RAM_END	 (RAM + FAKE_RAM)
#define CALL_MAX 4096 /* bytes that one DBCN call does at most */

static struct fake_guest *const g = &fake_guest;

struct ret {
	int64_t error;
	uint64_t value;
};

/* The call as hart @hart makes it; all registers but a0 and a1 must stay. */
static int call_from(unsigned hart, uint64_t ext, uint64_t fid,
		     const uint64_t arg[6], struct ret *ret)
{
	struct vcpu *vcpu = &g->vcpu[hart];
	struct vcpu_regs before;
	int err;

	for (unsigned i = 1; i < 32; i++)
		vcpu->regs.x[i] = POISON + i;
	vcpu->regs.pc = POISON;
	memcpy(&vcpu->regs.x[10], arg, 6 * sizeof(arg[0]));
	vcpu->regs.x[16] = fid;
	vcpu->regs.x[17] = ext;
	before = vcpu->regs;
	err = sbi_handle(vcpu);
	ret->error = vcpu->regs.x[10];
	ret->value = vcpu->regs.x[11];
	if (!err) {
		before.x[10] = ret->error;
		before.x[11] = ret->value;
	}
	assert_memory_equal(&before, &vcpu->regs, sizeof(before));
	return err;
}

#define CALL(ext, fid, ...) call((ext), (fid), (const uint64_t[6]){__VA_ARGS__})

static struct ret call(uint64_t ext, uint64_t fid, const uint64_t arg[6])
{
	struct ret ret;

	assert_int_equal(call_from(0, ext, fid, arg, &ret), 0);
	return ret;
}

static void check(struct ret got, int64_t error, uint64_t value)
{
	if (got.error != error || got.value != value)
		fail_msg("error %lld value %#llx, not %lld and %#llx",
			 (long long)got.error, (unsigned long long)got.value,
			 (long long)error, (unsigned long long)value);
}

static int setup(void **state)
{
	(void)state;
	fake_guest_init(4);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fake_guest_free();
	return 0;
}

/* ---- the table ---- */

static struct sbi_answer nothing(struct vcpu *vcpu)
{
	(void)vcpu;
	return (struct sbi_answer){0, 0};
}

static void no_two_extensions_share_an_id(void **state)
{
	const struct sbi_extension a = {4, 8, nothing}, b = {9, 9, nothing},
				   c = {8, 20, nothing}, d = {5, 6, nothing},
				   e = {3, 2, nothing};
	const struct sbi_extension *good[] = {&a, &b}, *edge[] = {&a, &c},
				   *inside[] = {&a, &d}, *twice[] = {&b, &b},
				   *reversed[] = {&e};

	(void)state;
	assert_false(
		sbi_extensions_overlap(sbi_extensions, sbi_extension_count));
	assert_int_equal(sbi_extension_count, 9);
	assert_false(sbi_extensions_overlap(good, 2));
	assert_true(sbi_extensions_overlap(edge, 2));
	assert_true(sbi_extensions_overlap(inside, 2));
	assert_true(sbi_extensions_overlap(twice, 2));
	assert_true(sbi_extensions_overlap(reversed, 1));
}

static const uint64_t known[] = {
	0,
	0x1,
	0x2,
	0x3,
	0x4,
	0x5,
	0x6,
	0x7,
	0x8,
	SBI_EXT_BASE,
	SBI_EXT_TIME,
	SBI_EXT_IPI,
	SBI_EXT_RFENCE,
	SBI_EXT_HSM,
	SBI_EXT_SRST,
	SBI_EXT_DBCN,
	SBI_EXT_SUSP,
};

static bool is_known(uint64_t ext)
{
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (known[i] == ext)
			return true;
	return false;
}

static void probe_tells_what_is_there(void **state)
{
	uint64_t seed = random_seed(), ext;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		check(CALL(SBI_EXT_BASE, SBI_BASE_PROBE, known[i]), 0, 1);
	for (ext = 0; ext < 0x1000; ext++)
		check(CALL(SBI_EXT_BASE, SBI_BASE_PROBE, ext), 0,
		      is_known(ext));
	for (int i = 0; i < 100000; i++) {
		ext = random_next(&seed) >> random_below(&seed, 64);
		check(CALL(SBI_EXT_BASE, SBI_BASE_PROBE, ext), 0,
		      is_known(ext));
	}
	/* An id has to be whole. */
	check(CALL(SBI_EXT_BASE, SBI_BASE_PROBE, SBI_EXT_TIME | 1ull << 32), 0,
	      0);
}

static void unknown_ids_are_not_supported(void **state)
{
	uint64_t seed = random_seed(), ext;

	(void)state;
	for (int i = 0; i < 100000; i++) {
		ext = random_next(&seed) >> random_below(&seed, 64);
		if (!is_known(ext))
			check(CALL(ext, i), SBI_ERR_NOT_SUPPORTED, 0);
	}
	for (ext = 9; ext < 0x10; ext++)
		check(CALL(ext, 0), SBI_ERR_NOT_SUPPORTED, 0);
}

static void unknown_functions_are_not_supported(void **state)
{
	/* How many functions each has, from SBI_EXT_BASE on in known[]. */
	static const uint64_t count[] = {7, 1, 1, 3, 4, 1, 3, 1};
	const uint64_t *ext = known + 9;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(count); i++)
		for (uint64_t fid = count[i]; fid;
		     fid = fid < 70 ? fid + 1 : fid << 1)
			check(CALL(ext[i], fid, ALL, ALL, ALL, ALL, ALL, ALL),
			      SBI_ERR_NOT_SUPPORTED, 0);
	assert_int_equal(g->ends + g->fence_count + g->timer_sets, 0);
}

/* ---- BASE, TIME, IPI, RFENCE ---- */

static void base_tells_who_we_are(void **state)
{
	(void)state;
	check(CALL(SBI_EXT_BASE, SBI_BASE_SPEC_VERSION), 0, 0x02000000);
	check(CALL(SBI_EXT_BASE, SBI_BASE_IMPL_ID), 0, SBI_GUEST_IMPL_ID);
	check(CALL(SBI_EXT_BASE, SBI_BASE_IMPL_VERSION), 0, 1);
	for (unsigned fid = SBI_BASE_MVENDORID; fid <= SBI_BASE_MIMPID; fid++)
		check(CALL(SBI_EXT_BASE, fid), 0, 0);
}

static void timer_is_of_the_calling_hart(void **state)
{
	struct ret ret;

	(void)state;
	check(CALL(SBI_EXT_TIME, SBI_TIME_SET, 12345), 0, 0);
	assert_int_equal(g->timer[0], 12345);
	call_from(3, SBI_EXT_TIME, SBI_TIME_SET, (const uint64_t[6]){ALL},
		  &ret);
	check(ret, 0, 0);
	assert_int_equal(g->timer[3], ALL);
	assert_int_equal(g->timer[0], 12345);
	assert_int_equal(g->timer_sets, 2);
}

/* The harts with a software interrupt pending, which is then cleared. */
static uint64_t ipis(void)
{
	uint64_t mask = 0;

	for (unsigned i = 0; i < g->vm.vcpu_count; i++) {
		if (g->vcpu[i].pending & VCPU_IRQ_SOFT)
			mask |= 1ull << i;
		g->vcpu[i].pending = 0;
	}
	return mask;
}

/* What a mask means, bit by bit; false: a hart that does not exist. */
static bool mask_means(uint64_t mask, uint64_t base, uint64_t *harts)
{
	unsigned __int128 hart;

	*harts = 0;
	for (unsigned i = 0; i < g->vm.vcpu_count && base == ALL; i++)
		*harts |= 1ull << i;
	for (unsigned i = 0; i < 64 && base != ALL; i++) {
		hart = (unsigned __int128)base + i;
		if (!(mask >> i & 1))
			continue;
		if (hart >= g->vm.vcpu_count)
			return false;
		*harts |= 1ull << (unsigned)hart;
	}
	return true;
}

static uint64_t base_random(uint64_t *seed)
{
	switch (random_below(seed, 5)) {
	case 0:
		return 0;
	case 1:
		return ALL - random_below(seed, 66);
	case 2:
		return random_next(seed) >> random_below(seed, 64);
	default:
		return random_below(seed, 66);
	}
}

static void masks_mean_what_they_say(void **state)
{
	uint64_t seed = random_seed(), mask, base, harts;
	unsigned accepted = 0;

	(void)state;
	for (int i = 0; i < 200000; i++) {
		if (i % 100 == 0)
			fake_guest_init(1 + random_below(&seed, VCPU_MAX));
		mask = random_next(&seed) >> random_below(&seed, 64);
		mask &= random_next(&seed) | random_next(&seed);
		base = base_random(&seed);
		if (mask_means(mask, base, &harts)) {
			accepted++;
			check(CALL(SBI_EXT_IPI, SBI_IPI_SEND, mask, base), 0,
			      0);
			assert_int_equal(ipis(), harts);
			CALL(SBI_EXT_RFENCE, SBI_RFENCE_FENCE_I, mask, base);
			assert_int_equal(g->fence.mask, harts);
			continue;
		}
		check(CALL(SBI_EXT_IPI, SBI_IPI_SEND, mask, base),
		      SBI_ERR_INVALID_PARAM, 0);
		assert_int_equal(ipis(), 0);
		g->fence_count = 0;
		check(CALL(SBI_EXT_RFENCE, SBI_RFENCE_SFENCE_VMA, mask, base),
		      SBI_ERR_INVALID_PARAM, 0);
		assert_int_equal(g->fence_count, 0);
	}
	assert_in_range(accepted, 20000, 180000);
}

static void masks_at_their_edges(void **state)
{
	(void)state;
	fake_guest_init(64);
	check(CALL(SBI_EXT_IPI, 0, ALL, 0), 0, 0);
	assert_int_equal(ipis(), ALL);
	check(CALL(SBI_EXT_IPI, 0, 0, ALL), 0, 0);
	assert_int_equal(ipis(), ALL);
	check(CALL(SBI_EXT_IPI, 0, 1, 63), 0, 0);
	assert_int_equal(ipis(), 1ull << 63);
	check(CALL(SBI_EXT_IPI, 0, 3, 63), SBI_ERR_INVALID_PARAM, 0);
	check(CALL(SBI_EXT_IPI, 0, 1, 64), SBI_ERR_INVALID_PARAM, 0);
	/* Would wrap to hart 0. */
	check(CALL(SBI_EXT_IPI, 0, 4, ALL - 1), SBI_ERR_INVALID_PARAM, 0);
	assert_int_equal(ipis(), 0);
	/* Nobody is asked for, wherever nobody begins. */
	check(CALL(SBI_EXT_IPI, 0, 0, 1000), 0, 0);
	assert_int_equal(ipis(), 0);
	fake_guest_init(4);
	check(CALL(SBI_EXT_IPI, 0, ALL, ALL), 0, 0);
	assert_int_equal(ipis(), 0xf);
	check(CALL(SBI_EXT_IPI, 0, 0x1f, 0), SBI_ERR_INVALID_PARAM, 0);
	assert_int_equal(ipis(), 0);
}

static void check_fence(unsigned fences, uint64_t mask, uint64_t start,
			uint64_t size)
{
	assert_int_equal(g->fence_count, 1);
	assert_ptr_equal(g->fence.self, &g->vcpu[0]);
	assert_int_equal(g->fence.fences, fences);
	assert_int_equal(g->fence.mask, mask);
	assert_int_equal(g->fence.start, start);
	assert_int_equal(g->fence.size, size);
	g->fence_count = 0;
}

static void fences_cover_their_range(void **state)
{
	const uint64_t last = 0xfffffffffffff000;

	(void)state;
	check(CALL(SBI_EXT_RFENCE, 0, 2, 0, 7, 7), 0, 0);
	check_fence(VCPU_FENCE_I, 2, 0, ALL);
	for (unsigned fid = 1; fid <= 2; fid++) {
		check(CALL(SBI_EXT_RFENCE, fid, 1, 1, 0x1000, 0x2000, 5), 0, 0);
		check_fence(VCPU_FENCE_VMA, 2, 0x1000, 0x2000);
		check(CALL(SBI_EXT_RFENCE, fid, 0, ALL, 0, 0), 0, 0);
		check_fence(VCPU_FENCE_VMA, 0xf, 0, ALL);
		check(CALL(SBI_EXT_RFENCE, fid, 1, 0, 0x5000, ALL), 0, 0);
		check_fence(VCPU_FENCE_VMA, 1, 0, ALL);
		check(CALL(SBI_EXT_RFENCE, fid, 1, 0, last, 0x1000), 0, 0);
		check_fence(VCPU_FENCE_VMA, 1, last, 0x1000);
		check(CALL(SBI_EXT_RFENCE, fid, 1, 0, last, 0x1001),
		      SBI_ERR_INVALID_ADDRESS, 0);
		/* Empty. */
		check(CALL(SBI_EXT_RFENCE, fid, 1, 0, 0x1000, 0), 0, 0);
		assert_int_equal(g->fence_count, 0);
	}
	for (unsigned fid = 3; fid < 7; fid++)
		check(CALL(SBI_EXT_RFENCE, fid, 1, 0, 0, 0),
		      SBI_ERR_NOT_SUPPORTED, 0);
	assert_int_equal(g->fence_count, 0);
}

/* ---- HSM, SUSP ---- */

static void start_checks_hart_and_address(void **state)
{
	(void)state;
	check(CALL(SBI_EXT_HSM, SBI_HSM_START, 4, RAM, 0),
	      SBI_ERR_INVALID_PARAM, 0);
	check(CALL(SBI_EXT_HSM, SBI_HSM_START, ALL, RAM, 0),
	      SBI_ERR_INVALID_PARAM, 0);
	check(CALL(SBI_EXT_HSM, SBI_HSM_START, 1, RAM - 2, 0),
	      SBI_ERR_INVALID_ADDRESS, 0);
	check(CALL(SBI_EXT_HSM, SBI_HSM_START, 1, RAM_END, 0),
	      SBI_ERR_INVALID_ADDRESS, 0);
	check(CALL(SBI_EXT_HSM, SBI_HSM_START, 1, RAM + 1, 0),
	      SBI_ERR_INVALID_ADDRESS, 0);
	check(CALL(SBI_EXT_HSM, SBI_HSM_START, 1, ALL - 1, 0),
	      SBI_ERR_INVALID_ADDRESS, 0);
	for (unsigned i = 1; i < 4; i++)
		assert_int_equal(g->vcpu[i].state, VCPU_STOPPED);
	check(CALL(SBI_EXT_HSM, SBI_HSM_START, 0, RAM, 0),
	      SBI_ERR_ALREADY_AVAILABLE, 0);
	check(CALL(SBI_EXT_HSM, SBI_HSM_START, 1, RAM_END - 2, ALL - 5), 0, 0);
	assert_int_equal(g->pc[1], RAM_END - 2);
	assert_int_equal(g->opaque[1], ALL - 5); /* all 64 bits */
	check(CALL(SBI_EXT_HSM, SBI_HSM_START, 1, RAM, 0),
	      SBI_ERR_ALREADY_AVAILABLE, 0);
	check(CALL(SBI_EXT_HSM, SBI_HSM_STATUS, 1), 0, 0);
	check(CALL(SBI_EXT_HSM, SBI_HSM_STATUS, 2), 0, 1);
	check(CALL(SBI_EXT_HSM, SBI_HSM_STATUS, 4), SBI_ERR_INVALID_PARAM, 0);
	check(CALL(SBI_EXT_HSM, SBI_HSM_STATUS, 1ull << 32),
	      SBI_ERR_INVALID_PARAM, 0);
}

static void suspend_types(void **state)
{
	struct vcpu *v = &g->vcpu[0];

	(void)state;
	check(CALL(SBI_EXT_HSM, SBI_HSM_SUSPEND, 0, ALL, ALL), 0, 0);
	assert_int_equal(v->leave, VCPU_LEAVE_SUSPEND);
	v->leave = VCPU_STAY;
	check(CALL(SBI_EXT_HSM, SBI_HSM_SUSPEND, 0x80000000, RAM + 4, 9), 0, 0);
	assert_int_equal(v->leave, VCPU_LEAVE_RESUME);
	assert_int_equal(v->resume_pc, RAM + 4);
	assert_int_equal(v->resume_opaque, 9);
	v->leave = VCPU_STAY;
	/* Sign-extended, as a C caller may pass 32 bits. */
	check(CALL(SBI_EXT_HSM, SBI_HSM_SUSPEND, 0xffffffff80000000, RAM, 9), 0,
	      0);
	v->leave = VCPU_STAY;
	check(CALL(SBI_EXT_HSM, SBI_HSM_SUSPEND, 0x80000000, RAM_END, 9),
	      SBI_ERR_INVALID_ADDRESS, 0);
	check(CALL(SBI_EXT_HSM, SBI_HSM_SUSPEND, 0x80000000, RAM + 1, 9),
	      SBI_ERR_INVALID_ADDRESS, 0);
	check(CALL(SBI_EXT_HSM, SBI_HSM_SUSPEND, 1, RAM, 9),
	      SBI_ERR_INVALID_PARAM, 0);
	check(CALL(SBI_EXT_HSM, SBI_HSM_SUSPEND, 0x10000000, RAM, 9),
	      SBI_ERR_INVALID_PARAM, 0);
	check(CALL(SBI_EXT_HSM, SBI_HSM_SUSPEND, 0x80000001, RAM, 9),
	      SBI_ERR_INVALID_PARAM, 0);
	assert_int_equal(v->leave, VCPU_STAY);
}

static void system_sleeps_only_when_alone(void **state)
{
	struct vcpu *v = &g->vcpu[0];

	(void)state;
	check(CALL(SBI_EXT_SUSP, 0, 1, RAM, 7), SBI_ERR_INVALID_PARAM, 0);
	check(CALL(SBI_EXT_SUSP, 0, 0x80000000, RAM, 7), SBI_ERR_INVALID_PARAM,
	      0);
	check(CALL(SBI_EXT_SUSP, 0, 0, RAM_END, 7), SBI_ERR_INVALID_ADDRESS, 0);
	check(CALL(SBI_EXT_SUSP, 0, 0, RAM + 3, 7), SBI_ERR_INVALID_ADDRESS, 0);
	check(CALL(SBI_EXT_HSM, SBI_HSM_START, 3, RAM, 0), 0, 0);
	check(CALL(SBI_EXT_SUSP, 0, 0, RAM, 7), SBI_ERR_DENIED, 0);
	g->vcpu[3].state = VCPU_WAITING;
	g->vcpu[3].suspended = true;
	check(CALL(SBI_EXT_SUSP, 0, 0, RAM, 7), SBI_ERR_DENIED, 0);
	assert_int_equal(v->leave, VCPU_STAY);
	g->vcpu[3].state = VCPU_STOPPED;
	check(CALL(SBI_EXT_SUSP, 0, 0, RAM, 7), 0, 0);
	assert_int_equal(v->leave, VCPU_LEAVE_RESUME);
	assert_int_equal(v->resume_pc, RAM);
	assert_int_equal(v->resume_opaque, 7);
}

/* What the scheduler does when the exit is over. */
static void leave(struct vcpu *v)
{
	if (v->leave == VCPU_LEAVE_STOP) {
		v->state = VCPU_STOPPED;
	} else if (v->leave != VCPU_STAY) {
		v->state = VCPU_WAITING;
		v->suspended = true;
	}
	v->leave = VCPU_STAY;
}

/* The figure "SBI HSM State Machine", without the pending states. */
static enum model {
	STARTED,
	STOPPED,
	SUSPENDED
} model[8];

static void model_step(uint64_t *seed, unsigned self)
{
	unsigned hart = random_below(seed, 10);
	struct ret ret;
	int64_t error = 0;

	switch (random_below(seed, 5)) {
	case 0:
		if (hart >= 8)
			error = SBI_ERR_INVALID_PARAM;
		else if (model[hart] != STOPPED)
			error = SBI_ERR_ALREADY_AVAILABLE;
		else
			model[hart] = STARTED;
		call_from(self, SBI_EXT_HSM, SBI_HSM_START,
			  (const uint64_t[6]){hart, RAM}, &ret);
		assert_int_equal(ret.error, error);
		break;
	case 1:
		model[self] = STOPPED;
		call_from(self, SBI_EXT_HSM, SBI_HSM_STOP,
			  (const uint64_t[6]){0}, &ret);
		break;
	case 2:
		model[self] = SUSPENDED;
		call_from(self, SBI_EXT_HSM, SBI_HSM_SUSPEND,
			  (const uint64_t[6]){hart % 2 ? 0x80000000 : 0, RAM},
			  &ret);
		assert_int_equal(ret.error, 0);
		break;
	default: /* an interrupt wakes a suspended hart */
		if (hart >= 8 || model[hart] != SUSPENDED)
			break;
		model[hart] = STARTED;
		g->vcpu[hart].state = VCPU_RUNNING;
		g->vcpu[hart].suspended = false;
		break;
	}
}

static void hart_states_follow_the_specification(void **state)
{
	static const uint64_t status[] = {0, 1, 4};
	uint64_t seed = random_seed();
	struct ret ret;
	unsigned self;

	(void)state;
	fake_guest_init(8);
	for (unsigned i = 0; i < 8; i++)
		model[i] = i ? STOPPED : STARTED;
	for (unsigned n = 0; n < 100000; n++) {
		for (self = 0; self < 8 && model[self] != STARTED; self++)
			;
		if (self == 8) { /* all asleep or off: the VM starts anew */
			self = 0;
			model[0] = STARTED;
			g->vcpu[0].state = VCPU_RUNNING;
			g->vcpu[0].suspended = false;
		}
		model_step(&seed, self);
		leave(&g->vcpu[self]);
		for (unsigned i = 0; i < 8; i++) {
			call_from(self, SBI_EXT_HSM, SBI_HSM_STATUS,
				  (const uint64_t[6]){i}, &ret);
			check(ret, 0, status[model[i]]);
		}
	}
}

/* ---- SRST ---- */

static void reset_ends_the_vm(void **state)
{
	static const struct {
		uint64_t type, reason;
		enum vm_end end;
		const char *text;
	} t[] = {
		{0, 0, VM_END_POWEROFF, "powered off"},
		{0, 1, VM_END_POWEROFF, "powered off after a failure"},
		{1, 0, VM_END_REBOOT, "rebooted"},
		{2, 1, VM_END_REBOOT, "rebooted after a failure"},
		{0xf00000000, 0xf00000000, VM_END_POWEROFF, "powered off"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		setup(state);
		CALL(SBI_EXT_SRST, 0, t[i].type, t[i].reason);
		assert_int_equal(g->ends, 1);
		assert_int_equal(g->vm.end, t[i].end);
		assert_string_equal(g->vm.reason, t[i].text);
	}
}

static void reset_of_no_kind_does_nothing(void **state)
{
	(void)state;
	check(CALL(SBI_EXT_SRST, 0, 3, 0), SBI_ERR_INVALID_PARAM, 0);
	check(CALL(SBI_EXT_SRST, 0, 0xf0000000, 0), SBI_ERR_INVALID_PARAM, 0);
	check(CALL(SBI_EXT_SRST, 0, 0, 2), SBI_ERR_INVALID_PARAM, 0);
	check(CALL(SBI_EXT_SRST, 0, 1, 0xe0000000), SBI_ERR_INVALID_PARAM, 0);
	check(CALL(SBI_EXT_SRST, 0, ALL, ALL), SBI_ERR_INVALID_PARAM, 0);
	assert_int_equal(g->ends, 0);
}

/* ---- DBCN ---- */

static void console_writes_what_fits(void **state)
{
	(void)state;
	for (unsigned i = 0; i < FAKE_RAM; i++)
		g->ram[i] = i * 7 + i / 256;
	check(CALL(SBI_EXT_DBCN, 0, 300, RAM + 5, 0), 0, 300);
	assert_int_equal(g->output_len, 300);
	assert_memory_equal(g->output, g->ram + 5, 300);
	check(CALL(SBI_EXT_DBCN, 0, 1, RAM_END - 1, 0), 0, 1);
	assert_int_equal(g->output[300], g->ram[FAKE_RAM - 1]);
	/* A part, when there is little room, in or at the end of a chunk. */
	for (unsigned room = 0; room < 300; room++) {
		g->output_len = 0;
		g->output_room = room;
		check(CALL(SBI_EXT_DBCN, 0, 290, RAM, 0), 0,
		      room < 290 ? room : 290);
		assert_memory_equal(g->output, g->ram, room < 290 ? room : 290);
	}
}

static void console_call_is_bounded(void **state)
{
	(void)state;
	check(CALL(SBI_EXT_DBCN, 0, FAKE_RAM, RAM, 0), 0, CALL_MAX);
	assert_int_equal(g->output_len, CALL_MAX);
}

static void console_refuses_foreign_memory(void **state)
{
	static const struct {
		uint64_t len, low, high;
	} bad[] = {
		{1, RAM - 1, 0},
		{1, RAM_END, 0},
		{2, RAM_END - 1, 0},
		{2, RAM - 1, 0},
		{ALL, RAM, 0},
		{ALL, 0, 0},
		{1, 0, 0},
		{1, 0x10000000, 0},
		{ALL, ALL, 0},
		{1, ALL, 0},
		{1, RAM, 1},
		{0, RAM, 1},
		{0, RAM, ALL},
		{FAKE_RAM + 1, RAM, 0},
		{0 - RAM, RAM, 0},
		{0 - RAM + 1, RAM, 0},
		{1ull << 63, RAM, 0},
	};

	(void)state;
	g->input = "typed";
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		check(CALL(SBI_EXT_DBCN, 0, bad[i].len, bad[i].low,
			   bad[i].high),
		      SBI_ERR_INVALID_PARAM, 0);
		check(CALL(SBI_EXT_DBCN, 1, bad[i].len, bad[i].low,
			   bad[i].high),
		      SBI_ERR_INVALID_PARAM, 0);
	}
	check(CALL(SBI_EXT_DBCN, 0, 0, 0, 0), 0, 0);
	check(CALL(SBI_EXT_DBCN, 1, 0, 0, 0), 0, 0);
	assert_int_equal(g->output_len, 0);
	assert_string_equal(g->input, "typed");
}

static void console_reads_what_was_typed(void **state)
{
	(void)state;
	check(CALL(SBI_EXT_DBCN, 1, 10, RAM, 0), 0, 0);
	g->input = "hello world";
	check(CALL(SBI_EXT_DBCN, 1, 4, RAM + 2, 0), 0, 4);
	assert_memory_equal(g->ram, "\0\0hell\0", 7);
	check(CALL(SBI_EXT_DBCN, 1, 4000, RAM, 0), 0, 7);
	assert_memory_equal(g->ram, "o world\0", 8);
}

static void blocking_writes_are_made_again(void **state)
{
	const uint64_t arg[6] = {0x1234566a};
	struct ret ret;

	(void)state;
	g->output_room = 0;
	assert_int_equal(call_from(0, SBI_EXT_DBCN, 2, arg, &ret), -EAGAIN);
	assert_int_equal(call_from(0, SBI_EXT_LEGACY_PUTCHAR, 0, arg, &ret),
			 -EAGAIN);
	assert_int_equal(ret.error, arg[0]); /* as before the call */
	g->output_room = 2;
	check(CALL(SBI_EXT_DBCN, 2, arg[0]), 0, 0);
	check(CALL(SBI_EXT_LEGACY_PUTCHAR, 5, arg[0], 77), 0, 77);
	assert_memory_equal(g->output, "jj", 2);
}

/* ---- legacy ---- */

static void legacy_answers_in_a0_alone(void **state)
{
	(void)state;
	check(CALL(SBI_EXT_LEGACY_SET_TIMER, 99, 500, 77), 0, 77);
	assert_int_equal(g->timer[0], 500);
	check(CALL(SBI_EXT_LEGACY_GETCHAR, 0, 1, 77), -1, 77);
	g->input = "\xe4";
	check(CALL(SBI_EXT_LEGACY_GETCHAR, 0, 1, 77), 0xe4, 77);
	check(CALL(SBI_EXT_LEGACY_CLEAR_IPI, 0, 1, 77), 0, 77);
	g->vcpu[0].pending = VCPU_IRQ_SOFT | VCPU_IRQ_TIMER;
	g->vcpu[1].pending = VCPU_IRQ_SOFT;
	check(CALL(SBI_EXT_LEGACY_CLEAR_IPI, 0, 1, 77), 1, 77);
	assert_int_equal(g->vcpu[0].pending, VCPU_IRQ_TIMER);
	assert_int_equal(ipis(), 2);
	CALL(SBI_EXT_LEGACY_SHUTDOWN, 0);
	assert_int_equal(g->vm.end, VM_END_POWEROFF);
}

static void legacy_masks_are_virtual(void **state)
{
	const uint64_t mask = 0xfffffffffffffff5;

	(void)state;
	memcpy(g->ram + 64, &mask, sizeof(mask));
	check(CALL(SBI_EXT_LEGACY_SEND_IPI, 0, FAKE_VIRTUAL + 64, 77), 0, 77);
	assert_int_equal(ipis(), 5); /* of harts that do not exist: nothing */
	check(CALL(SBI_EXT_LEGACY_SEND_IPI, 0, 0, 77), 0, 77);
	assert_int_equal(ipis(), 0xf);
	check(CALL(SBI_EXT_LEGACY_FENCE_I, 0, FAKE_VIRTUAL + 64, 77), 0, 77);
	check_fence(VCPU_FENCE_I, 5, 0, ALL);
	check(CALL(SBI_EXT_LEGACY_SFENCE_VMA, 0, FAKE_VIRTUAL + 64, 0x4000,
		   0x1000),
	      0, 0x4000);
	check_fence(VCPU_FENCE_VMA, 5, 0x4000, 0x1000);
	check(CALL(SBI_EXT_LEGACY_SFENCE_VMA_ASID, 0, 0, 0, 0, 3), 0, 0);
	check_fence(VCPU_FENCE_VMA, 0xf, 0, ALL);
}

static void legacy_mask_that_faults_changes_nothing(void **state)
{
	static const uint64_t bad[] = {FAKE_VIRTUAL + FAKE_RAM, RAM, ALL, 8};
	struct ret ret;
	uint64_t ext;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		const uint64_t arg[6] = {bad[i], 11, 12, 13, 14, 15};

		for (ext = SBI_EXT_LEGACY_SEND_IPI;
		     ext <= SBI_EXT_LEGACY_SFENCE_VMA_ASID; ext++) {
			g->faults = 0;
			assert_int_equal(call_from(0, ext, 0, arg, &ret), 0);
			check(ret, bad[i], 11);
			assert_int_equal(g->faults, 1);
		}
	}
	assert_int_equal(ipis(), 0);
	assert_int_equal(g->fence_count, 0);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(no_two_extensions_share_an_id),
		TEST(probe_tells_what_is_there),
		TEST(unknown_ids_are_not_supported),
		TEST(unknown_functions_are_not_supported),
		TEST(base_tells_who_we_are),
		TEST(timer_is_of_the_calling_hart),
		TEST(masks_mean_what_they_say),
		TEST(masks_at_their_edges),
		TEST(fences_cover_their_range),
		TEST(start_checks_hart_and_address),
		TEST(suspend_types),
		TEST(system_sleeps_only_when_alone),
		TEST(hart_states_follow_the_specification),
		TEST(reset_ends_the_vm),
		TEST(reset_of_no_kind_does_nothing),
		TEST(console_writes_what_fits),
		TEST(console_call_is_bounded),
		TEST(console_refuses_foreign_memory),
		TEST(console_reads_what_was_typed),
		TEST(blocking_writes_are_made_again),
		TEST(legacy_answers_in_a0_alone),
		TEST(legacy_masks_are_virtual),
		TEST(legacy_mask_that_faults_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
