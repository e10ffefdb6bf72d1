/* Randomness at start-up: see the header; Zkr: Scalar Cryptography 1.0.1. */
#include "arch/riscv/boot/entropy.h"

#include <stdbool.h>
#include <stdint.h>

#include "arch/riscv/csr.h"
#include "arch/timer.h"
#include "kernel/fdt/chosen.h"
#include "kernel/fdt/cpus.h"
#include "kernel/log.h"

#define SEED_STATE_SHIFT 30
#define SEED_STATE_ES16	 2 /* the low 16 bits are entropy */
#define SEED_POLLS	 1000
#define SEED_WORDS	 8 /* 128 bits */

/* Words of 16 bits that the seed CSR gave. */
static unsigned seed_csr_collect(struct mix *pool)
{
	unsigned polls, words = 0;
	unsigned long value;

	for (polls = 0; polls < SEED_POLLS && words < SEED_WORDS; polls++) {
		if (!csr_swap_probe(CSR_SEED, 0, &value))
			return 0;
		if ((value >> SEED_STATE_SHIFT & 3) != SEED_STATE_ES16)
			continue;
		mix_absorb(pool, &value, sizeof(value));
		words++;
	}
	return words;
}

static bool has_zkr(const void *fdt)
{
	struct dt_cpu_iter it;
	struct dt_cpu cpu;

	dt_cpu_begin(fdt, &it);
	while (dt_cpu_next(fdt, &it, &cpu))
		if (cpu.usable)
			return dt_isa_has(fdt, cpu.offset, "zkr");
	return false;
}

unsigned entropy_collect(struct mix *pool, void *fdt)
{
	uint64_t now = arch_time_now();
	unsigned good;

	good = dt_seed_take(fdt, pool);
	if (has_zkr(fdt))
		good += seed_csr_collect(pool);
	mix_absorb(pool, &now, sizeof(now));
	if (!good)
		log_warn("boot", "no seed: addresses can be guessed");
	return good;
}
