/* Sources: kernel/guest/sbi.c kernel/guest/sbi_base.c kernel/guest/sbi_time.c
 *          kernel/guest/sbi_ipi.c kernel/guest/sbi_rfence.c
 *          kernel/guest/sbi_hsm.c kernel/guest/sbi_srst.c
 *          kernel/guest/sbi_dbcn.c kernel/guest/sbi_susp.c
 *          kernel/guest/sbi_legacy.c kernel/guest/mmio.c kernel/guest/vuart.c
 *          kernel/guest/vplic.c arch/riscv/guest/decode.c lib/range.c
 *          test/host/fake/guest.c test/host/fake/lock.c */
/*
 * A hostile guest: the input is a program of SBI calls with any registers,
 * instructions that touch devices, and what the console does meanwhile. The
 * fakes and the sanitizers stop at whatever leaves the VM; what must hold of
 * each answer is checked here.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "arch/riscv/guest/decode.h"
#include "arch/sbi.h"
#include "kernel/guest/mmio.h"
#include "kernel/guest/sbi.h"
#include "kernel/guest/vplic.h"
#include "kernel/guest/vuart.h"
#include "test/host/fake/guest.h"

#define UART_IRQ 10

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct {
	const uint8_t *data;
	size_t left;
} input;

static struct vuart uart;
static struct vplic plic;
static struct mmio_bus bus;
static bool wire, external[VCPU_MAX];
static unsigned console_room;

/* Stop the fuzzer: an invariant is broken. */
static void must(bool holds)
{
	if (!holds)
		abort();
}

/* The next @len bytes of the input, 0 behind its end. */
static uint64_t take(unsigned len)
{
	uint64_t value = 0;

	for (; len && input.left; len--, input.left--)
		value = value << 8 | *input.data++;
	return value;
}

/* A register: often one that means something, else any. */
static uint64_t take_register(void)
{
	static const uint64_t known[] = {
		0,
		1,
		2,
		3,
		7,
		63,
		64,
		UINT64_MAX,
		SBI_EXT_BASE,
		SBI_EXT_TIME,
		SBI_EXT_IPI,
		SBI_EXT_RFENCE,
		SBI_EXT_HSM,
		SBI_EXT_SRST,
		SBI_EXT_DBCN,
		SBI_EXT_SUSP,
		SBI_EXT_LEGACY_SEND_IPI,
		SBI_EXT_LEGACY_SFENCE_VMA,
		SBI_EXT_LEGACY_PUTCHAR,
		GUEST_RAM_BASE,
		GUEST_RAM_BASE + FAKE_RAM,
		GUEST_RAM_BASE + FAKE_RAM - 1,
		FAKE_RAM,
		FAKE_VIRTUAL,
		FAKE_VIRTUAL + FAKE_RAM - 8,
		0x80000000,
		1ull << 63,
	};
	uint8_t how = take(1);

	if (how < 0xc0)
		return known[how % ARRAY_SIZE(known)];
	if (how < 0xe0)
		return known[how % ARRAY_SIZE(known)] + (int8_t)take(1);
	return take(how < 0xf0 ? 8 : 2);
}

static bool is_legacy(uint64_t ext)
{
	return ext <= SBI_EXT_LEGACY_SHUTDOWN;
}

/* Registers @before and after the call. */
static void check_answer(const struct vcpu_regs *before,
			 const struct vcpu_regs *after, bool answered)
{
	struct vcpu_regs expected = *before;
	int64_t error = after->x[10];

	if (answered) {
		expected.x[10] = after->x[10];
		if (!is_legacy(before->x[17])) {
			expected.x[11] = after->x[11];
			must(error <= 0 && error >= SBI_ERR_ALREADY_STOPPED);
			must(!error || !after->x[11]);
		}
	}
	must(!memcmp(&expected, after, sizeof(expected)));
}

/* As the scheduler does when the exit is over. */
static void leave(struct vcpu *v)
{
	if (v->leave == VCPU_LEAVE_STOP)
		v->state = VCPU_STOPPED;
	v->suspended =
		v->leave == VCPU_LEAVE_SUSPEND || v->leave == VCPU_LEAVE_RESUME;
	if (v->suspended)
		v->state = VCPU_WAITING;
	v->leave = VCPU_STAY;
}

static void run_call(void)
{
	struct fake_guest *g = &fake_guest;
	struct vcpu *v = &g->vcpu[take(1) % g->vm.vcpu_count];
	unsigned faults = g->faults;
	struct vcpu_regs before;
	int err;

	for (unsigned i = 10; i < 18; i++)
		v->regs.x[i] = take_register();
	before = v->regs;
	v->state = VCPU_RUNNING;
	err = sbi_handle(v);
	must(!err || (err == -EAGAIN && !g->output_room));
	check_answer(&before, &v->regs, !err && g->faults == faults);
	if (!err)
		leave(v);
	g->vm.state = VM_UP;
}

static void run_device(uint32_t insn, bool transformed, gpa_t gpa)
{
	struct vcpu_mmio mmio = {.gpa = gpa};
	struct decode_access access;
	uint64_t value;

	if (decode_access(insn, transformed, &access))
		return;
	must(access.reg < 32 && access.width && access.width <= 8 &&
	     !(access.width & (access.width - 1)));
	must(access.length == 2 || access.length == 4);
	must(!access.sign_extend || (!access.write && access.width < 8));
	must(transformed || (access.length == 4) == ((insn & 3) == 3));
	mmio.width = access.width;
	mmio.write = access.write;
	if (access.write)
		mmio.value = decode_store_value(&access, take_register());
	if (mmio_access(&bus, &mmio))
		return;
	value = decode_load_value(&access, mmio.value);
	must(decode_store_value(&access, value) == mmio.value);
}

/* Its FIFOs and its line are as the registers tell. */
static void check_uart(void)
{
	struct vcpu_mmio iir = {.width = 1};

	must(uart.rx.used <= VUART_FIFO && uart.tx.used <= VUART_FIFO);
	must(uart.rx.first < VUART_FIFO && uart.tx.first < VUART_FIFO);
	must(wire == uart.line);
	if (!wire)
		return;
	must(!vuart_access(&uart, 2, &iir) && !(iir.value & 1));
}

static gpa_t take_device(void)
{
	switch (take(1) % 4) {
	case 0:
		return GUEST_UART_BASE + take(1) % 16;
	case 1: /* claims */
		return GUEST_PLIC_BASE + 0x200004 + take(1) * 0x1000;
	case 2:
		return GUEST_PLIC_BASE + take(3);
	default:
		return take_register();
	}
}

static void step(void)
{
	uint8_t what = take(1);

	switch (what % 8) {
	case 0:
	case 1:
	case 2:
		run_call();
		break;
	case 3:
	case 4:
		run_device(take(4), what & 0x80, take_device());
		break;
	case 5: /* lb or sb, most of what a UART sees */
		run_device(what & 0x80 ? 0x23 : 0x03, false, take_device());
		break;
	case 6:
		vplic_source_set(&plic, 1 + take(1) % GUEST_PLIC_SOURCES,
				 what & 0x80);
		break;
	default:
		console_room = take(1);
		fake_guest.output_room = console_room;
		fake_guest.output_len = 0;
		fake_guest.input = what & 0x80 ? "typed" : NULL;
		vuart_drain(&uart);
		vuart_input(&uart, what);
		break;
	}
	check_uart();
}

static bool output(void *arg, uint8_t byte)
{
	(void)arg;
	(void)byte;
	return console_room && console_room--;
}

static void line(void *arg, bool level)
{
	(void)arg;
	must(wire != level);
	wire = level;
	vplic_source_set(&plic, UART_IRQ, level);
}

static void input_room(void *arg)
{
	(void)arg;
	must(uart.rx.used < VUART_FIFO);
}

static void external_set(void *arg, unsigned context, bool level)
{
	(void)arg;
	must(context < fake_guest.vm.vcpu_count);
	must(external[context] != level);
	external[context] = level;
}

static void machine_start(unsigned vcpus)
{
	static const struct vuart_ops ops = {output, line, input_room};
	const struct mmio_region regions[] = {
		{GUEST_UART_BASE, VUART_SIZE, vuart_access, &uart},
		{GUEST_PLIC_BASE, GUEST_PLIC_SIZE, vplic_access, &plic},
	};

	fake_guest_init(vcpus);
	memset(external, 0, sizeof(external));
	memset(&bus, 0, sizeof(bus));
	wire = false;
	vuart_init(&uart, &ops, NULL);
	vplic_init(&plic, vcpus, external_set, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(regions); i++)
		must(!mmio_region_add(&bus, &regions[i]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	input.data = data;
	input.left = size;
	machine_start(1 + take(1) % VCPU_MAX);
	while (input.left)
		step();
	vuart_reset(&uart);
	vplic_reset(&plic);
	for (unsigned i = 0; i < VCPU_MAX; i++)
		must(!external[i]);
	must(!wire);
	fake_guest_free();
	return 0;
}
