# Aloft: one file builds, runs and tests everything. `make help` lists targets.
#
# build/kernel/   objects of the kernel      build/host/   of host tests (ASan)
# build/tools/    host programs              build/fuzz/   libFuzzer targets
# What is fetched at set-up (tools/setup) lies in build/ too, never in the tree.

MAKEFLAGS += --no-builtin-rules
.SUFFIXES:
.DELETE_ON_ERROR:
.DEFAULT_GOAL := all
SHELL := /bin/bash

BUILD         := build
CROSS_COMPILE ?= riscv64-linux-gnu-
HOSTCC        ?= gcc
PICOLIBC      ?= /usr/lib/picolibc/riscv64-unknown-elf
QEMU          ?= $(firstword $(wildcard $(BUILD)/qemu/qemu-system-riscv64) \
		   qemu-system-riscv64)
SMP           ?= 2
MEM           ?= 1G
CPU           ?= rv64
APPEND        ?=
T             ?=
SEED          ?= 1
PYTHON        := /usr/bin/python3
Q             := $(if $(V),,@)
export BUILD SEED T V QEMU CROSS_COMPILE

# ---- set-up ---------------------------------------------------------------

.PHONY: deps deps-build deps-run deps-test deps-check
deps: deps-build deps-run deps-test deps-check
	$(Q)tools/setup/deps.sh debug lab lab-test
	$(Q)tools/setup/fetch.sh libfdt zlib sodium qemu dumps xterm \
		playwright ser2net opensbi
	$(Q)$(FETCH_DEBIAN)

deps-build:
	$(Q)tools/setup/deps.sh build

deps-run: deps-build
	$(Q)tools/setup/deps.sh run

deps-test: deps-build deps-run
	$(Q)tools/setup/deps.sh test
	$(Q)tools/setup/fetch.sh libfdt zlib sodium qemu dumps opensbi
	$(Q)$(FETCH_DEBIAN)

deps-check: deps-build
	$(Q)tools/setup/deps.sh check

# 77: cannot be had here (Ubuntu without DEBIAN_MIRROR); tests skip with the
# reason.
FETCH_DEBIAN = tools/setup/fetch.sh debian || [ $$? = 77 ]

LIBFDT_DIR ?= $(BUILD)/libfdt
LIBFDT     := $(addprefix $(LIBFDT_DIR)/,fdt.c fdt_addresses.c \
		fdt_empty_tree.c fdt_ro.c fdt_rw.c fdt_strerror.c fdt_sw.c \
		fdt_wip.c)

$(LIBFDT_DIR)/VERSION: | deps-build
	$(Q)tools/setup/fetch.sh libfdt
	$(Q)touch $@

ZLIB_DIR   ?= $(BUILD)/zlib
ZLIB_C     := infback.c inffast.c inftrees.c
SODIUM_DIR ?= $(BUILD)/sodium
SODIUM_C   := crypto_core/hchacha20/core_hchacha20.c \
	      crypto_stream/chacha20/ref/chacha20_ref.c

$(ZLIB_DIR)/VERSION: | deps-build
	$(Q)tools/setup/fetch.sh zlib
	$(Q)touch $@

$(SODIUM_DIR)/VERSION: | deps-build
	$(Q)tools/setup/fetch.sh sodium
	$(Q)touch $@

# Every C file may include the headers of these: they must be there before any
# is compiled.
FETCHED := $(LIBFDT_DIR)/VERSION $(ZLIB_DIR)/VERSION $(SODIUM_DIR)/VERSION
$(LIBFDT): $(LIBFDT_DIR)/VERSION ;
$(addprefix $(ZLIB_DIR)/,$(ZLIB_C)): $(ZLIB_DIR)/VERSION ;
$(addprefix $(SODIUM_DIR)/,$(SODIUM_C)): $(SODIUM_DIR)/VERSION ;

# libsodium's headers have names like utils.h: they come last. zlib's Z_SOLO
# keeps its use of malloc() out.
FETCHED_INCLUDE := -I$(LIBFDT_DIR) -I$(ZLIB_DIR) -idirafter $(SODIUM_DIR) \
		   -idirafter $(SODIUM_DIR)/include/sodium
ZLIB_FLAGS      := -DZ_SOLO -DHAVE_MEMCPY -include string.h

# ---- kernel ---------------------------------------------------------------

KERNEL_C := $(filter-out arch/riscv/asm-offsets.c,\
	      $(wildcard arch/riscv/*.c arch/riscv/*/*.c kernel/*.c \
	      kernel/*/*.c drivers/*/*.c lib/*.c))
KERNEL_S := $(wildcard arch/riscv/*.S arch/riscv/*/*.S)
# What guests need of the fetched libraries: writing a device tree, unpacking,
# ChaCha20.
KERNEL_FETCHED := fdt.c fdt_sw.c $(ZLIB_C) $(SODIUM_C)
# Run before the image is relocated: no tables, no calls out (docs/boot.md).
EARLY_C  := arch/riscv/boot/relocate.c arch/riscv/boot/early.c
# Where start-up spends its instructions; the rest is built for size.
FAST_C   := kernel/fdt/dt.c kernel/fdt/address.c arch/riscv/mm/pagetable.c \
	    arch/riscv/boot/relocate.c arch/riscv/boot/layout.c
# On the way of every exit of a guest.
HOT_C    := $(addprefix arch/riscv/,guest/exit.c guest/gstage.c guest/vcpu.c \
	      guest/vmid.c lock.c irq.c) $(addprefix kernel/guest/,mmio.c \
	      sbi.c sbi_base.c vconsole.c vcpu.c vplic.c vuart.c) \
	    kernel/console.c arch/riscv/io.c lib/ring.c

# clang 14 knows zicsr and zifencei as parts of i.
MARCH       ?= rv64imac_zicsr_zifencei
ARCH_FLAGS  := -march=$(MARCH) -mabi=lp64 -mcmodel=medany
WARNINGS    := -Wall -Wextra -Wshadow -Wstrict-prototypes \
	       -Wmissing-prototypes -Wvla $(if $(WERROR),-Werror)
KERNEL_INCLUDE := -I. -I$(BUILD)/include $(FETCHED_INCLUDE) \
	       -isystem $(PICOLIBC)/include
KERNEL_FLAGS = $(ARCH_FLAGS) -std=gnu11 -Os -g -ffreestanding -fbuiltin -fno-pic \
	       -fno-common -ftls-model=local-exec -fno-omit-frame-pointer -fno-strict-aliasing \
	       -ffunction-sections -fdata-sections \
	       -fno-asynchronous-unwind-tables -fno-unwind-tables \
	       -fstack-protector-strong -DPICOLIBC_INTEGER_PRINTF_SCANF \
	       -nostdinc $(KERNEL_INCLUDE) -isystem $(CC_INCLUDE)
EARLY_FLAGS := -fno-stack-protector -fno-jump-tables -fno-builtin
LINK_FLAGS  := -nostdlib -static -Wl,-pie,--no-dynamic-linker,-T,kernel.lds \
	       -Wl,-z,notext,-z,norelro,-z,noexecstack,--build-id=none \
	       -Wl,-z,max-page-size=4096,--hash-style=sysv,--gc-sections \
	       -Wl,--orphan-handling=error,--no-warn-rwx-segments \
	       -Wl,--defsym=vfprintf=__i_vfprintf

CC          := $(CROSS_COMPILE)gcc
LINK         = $(CROSS_COMPILE)gcc -mabi=lp64 $(LINK_FLAGS)
CC_INCLUDE   = $(eval CC_INCLUDE := $(shell $(CC) -print-file-name=include))$(CC_INCLUDE)
KERNEL_OBJS := $(patsubst %,$(BUILD)/kernel/%.o,$(KERNEL_S) $(KERNEL_C) \
		 $(KERNEL_FETCHED))
OFFSETS     := $(BUILD)/include/arch/riscv/asm-offsets.h
LIBC        := $(PICOLIBC)/lib/release/rv64imac/lp64/libc.a

.PHONY: all image tools
all: image tools compile_commands.json
image: $(BUILD)/Image

$(OFFSETS): arch/riscv/asm-offsets.c $(FETCHED) Makefile | deps-build
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(KERNEL_FLAGS) -MMD -MP -MT $@ -MF $@.d -S $< -o $@.s \
		$(if $(findstring clang,$(CC)),-fno-integrated-as)
	$(Q)sed -n 's/^->\([A-Z0-9_]*\) \(-\?[0-9]*\)/#define \1 \2/p' $@.s > $@

$(BUILD)/kernel/%.c.o: %.c $(FETCHED) Makefile | deps-build
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(KERNEL_FLAGS) $(WARNINGS) \
		$(if $(filter $<,$(EARLY_C)),$(EARLY_FLAGS)) \
		$(if $(filter $<,$(FAST_C) $(HOT_C)),-O2) \
		$(if $(filter $<,$(HOT_C)),-fomit-frame-pointer -fno-jump-tables) \
		-MMD -MP -c $< -o $@

$(BUILD)/kernel/%.S.o: %.S $(OFFSETS) Makefile | deps-build
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(KERNEL_FLAGS) -MMD -MP -c $< -o $@

# Changes when a source comes or goes: then the kernel is linked again.
$(BUILD)/kernel/objects: FORCE
	$(Q)mkdir -p $(@D)
	$(Q)echo '$(KERNEL_OBJS)' | cmp -s - $@ || echo '$(KERNEL_OBJS)' > $@
.PHONY: FORCE
FORCE:

# Others' code keeps its warnings to itself.
define compile_fetched
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(KERNEL_FLAGS) -fomit-frame-pointer -w $(1) -MMD -MP -c $< -o $@
endef

$(BUILD)/kernel/%.c.o: $(LIBFDT_DIR)/%.c Makefile | deps-build
	$(call compile_fetched)

$(BUILD)/kernel/%.c.o: $(ZLIB_DIR)/%.c Makefile | deps-build
	$(call compile_fetched,$(ZLIB_FLAGS))

$(BUILD)/kernel/%.c.o: $(SODIUM_DIR)/%.c Makefile | deps-build
	$(call compile_fetched)

# Linked twice: the names of the first go into the second. The table lies
# behind all code, so its size moves none (kernel.lds).
define link
	$(Q)$(LINK) $(KERNEL_OBJS) $(1) $(LIBC) -o $@
endef

$(BUILD)/kernel/symbols-%.o: $(BUILD)/kernel/symbols-%.S Makefile
	$(Q)$(CC) $(ARCH_FLAGS) -c $< -o $@

$(BUILD)/kernel/symbols-none.S: tools/symbols.py | deps-build
	$(Q)mkdir -p $(@D)
	$(Q)$(PYTHON) tools/symbols.py < /dev/null > $@

$(BUILD)/kernel/symbols-all.S: $(BUILD)/kernel.first.elf tools/symbols.py
	$(Q)$(CROSS_COMPILE)nm -n $< | $(PYTHON) tools/symbols.py > $@

$(BUILD)/kernel.first.elf: $(BUILD)/kernel/objects $(KERNEL_OBJS) $(BUILD)/kernel/symbols-none.o \
		kernel.lds
	$(call link,$(BUILD)/kernel/symbols-none.o)

$(BUILD)/kernel.elf: $(KERNEL_OBJS) $(BUILD)/kernel/symbols-all.o kernel.lds
	$(call link,$(BUILD)/kernel/symbols-all.o)
	$(Q)$(PYTHON) tools/check/elf.py $@

$(BUILD)/Image: $(BUILD)/kernel.elf
	$(Q)$(CROSS_COMPILE)objcopy -O binary $< $@

# ---- running --------------------------------------------------------------

.PHONY: run debug
QEMU_RUN = $(QEMU) -M virt -cpu $(CPU) -smp $(SMP) -m $(MEM) -nographic \
	   -kernel $(BUILD)/Image -append "$(APPEND)" \
	   $(if $(filter-out none,$(GUEST)),-initrd $(GUEST))

# The bundle of guests; `none`: the kernel alone, to its shell.
GUEST ?= $(BUILD)/guest/bundle.cpio

run: image deps-run $(filter $(BUILD)/guest/bundle.cpio,$(GUEST))
	$(Q)$(QEMU_RUN)

# The image runs at its first address so that symbols fit.
debug: APPEND += nokaslr
debug: image deps-run
	$(Q)tools/setup/deps.sh debug
	@echo "QEMU waits for gdb. In another terminal:"
	@echo "gdb-multiarch -ex 'add-symbol-file $(BUILD)/kernel.elf -o" \
		"0xffffffff80000000' -ex 'target remote :1234'"
	$(Q)$(QEMU_RUN) -s -S

# ---- tools ----------------------------------------------------------------

HOST_FLAGS := -std=gnu11 -O2 -g $(WARNINGS) -I. $(FETCHED_INCLUDE)
IMGTOOL_C  := $(wildcard tools/imgtool/*.c) lib/image.c \
	      arch/riscv/boot/relocate.c
# It judges by the kernel's own code.
BUNDLE_C   := $(wildcard tools/bundle/*.c) lib/cpio.c lib/image.c lib/range.c \
	      kernel/cmdline.c kernel/guest/bundle.c kernel/guest/config.c \
	      kernel/guest/gfdt.c kernel/guest/image.c \
	      kernel/guest/inflate.c kernel/guest/loader.c
BUNDLE_OBJ := $(patsubst %,$(BUILD)/toolobj/%.o,$(BUNDLE_C) fdt.c fdt_sw.c \
	      $(ZLIB_C))

tools: $(BUILD)/tools/imgtool $(BUILD)/tools/bundle

$(BUILD)/tools/imgtool: $(patsubst %,$(BUILD)/toolobj/%.o,$(IMGTOOL_C))
	$(Q)mkdir -p $(@D)
	$(Q)$(HOSTCC) $^ -lz -o $@

$(BUILD)/tools/bundle: $(BUNDLE_OBJ)
	$(Q)mkdir -p $(@D)
	$(Q)$(HOSTCC) $^ -o $@

$(BUILD)/toolobj/%.c.o: %.c $(FETCHED) Makefile | deps-build
	$(Q)mkdir -p $(@D)
	$(Q)$(HOSTCC) $(HOST_FLAGS) -MMD -MP -c $< -o $@

$(BUILD)/toolobj/%.c.o: $(LIBFDT_DIR)/%.c Makefile | deps-build
	$(Q)mkdir -p $(@D)
	$(Q)$(HOSTCC) $(HOST_FLAGS) -w -MMD -MP -c $< -o $@

$(BUILD)/toolobj/%.c.o: $(ZLIB_DIR)/%.c Makefile | deps-build
	$(Q)mkdir -p $(@D)
	$(Q)$(HOSTCC) $(HOST_FLAGS) -w $(ZLIB_FLAGS) -MMD -MP -c $< -o $@

# ---- the default guest ----------------------------------------------------

# Debian's kernel with an initramfs of busybox alone.
DEBIAN_DIR ?= $(BUILD)/debian

.PHONY: guest
guest: $(BUILD)/guest/bundle.cpio

$(DEBIAN_DIR)/Image $(DEBIAN_DIR)/busybox: | deps-run
	$(Q)tools/setup/fetch.sh debian

$(BUILD)/guest/initrd.cpio: $(DEBIAN_DIR)/busybox $(wildcard \
		tools/setup/initramfs/*) tools/setup/initramfs.py | deps-build
	$(Q)mkdir -p $(@D)
	$(Q)$(PYTHON) tools/setup/initramfs.py $< $@

$(BUILD)/guest/bundle.cpio: $(BUILD)/tools/bundle $(DEBIAN_DIR)/Image \
		$(BUILD)/guest/initrd.cpio
	$(Q)$< -o $@ linux:image=$(DEBIAN_DIR)/Image,initrd=$(word 3,$^),vcpus=2

# ---- host tests -----------------------------------------------------------

SANITIZE   := -fsanitize=address,undefined -fno-sanitize-recover=all
TEST_FLAGS := -std=gnu11 -O1 -g -Wall -Wextra -Werror -Wshadow \
	      -Wstrict-prototypes -Wmissing-prototypes $(SANITIZE) \
	      -I. $(FETCHED_INCLUDE)
# The lab's tests have rules of their own, below.
HOST_TESTS := $(filter-out test/host/lab_%,$(wildcard test/host/*_test.c))
HOST_BINS  := $(patsubst test/host/%.c,$(BUILD)/host/%,$(HOST_TESTS))

# Each test names the sources it links in a comment at its head.
$(BUILD)/host.mk: $(HOST_TESTS) Makefile tools/test_sources.py | deps-build
	$(Q)mkdir -p $(@D)
	$(Q)$(PYTHON) tools/test_sources.py $(BUILD) $(HOST_TESTS) > $@
ifneq ($(filter-out help clean deps deps-% run debug image,\
	 $(or $(MAKECMDGOALS),image)),)
-include $(BUILD)/host.mk
endif

$(BUILD)/host/%.c.o: %.c $(FETCHED) Makefile | deps-test
	$(Q)mkdir -p $(@D)
	$(Q)$(HOSTCC) $(TEST_FLAGS) -MMD -MP -c $< -o $@

$(BUILD)/host/%.c.o: $(LIBFDT_DIR)/%.c Makefile | deps-test
	$(Q)mkdir -p $(@D)
	$(Q)$(HOSTCC) $(TEST_FLAGS) -w -MMD -MP -c $< -o $@

$(BUILD)/host/%.c.o: $(ZLIB_DIR)/%.c Makefile | deps-test
	$(Q)mkdir -p $(@D)
	$(Q)$(HOSTCC) $(TEST_FLAGS) -w $(ZLIB_FLAGS) -MMD -MP -c $< -o $@

$(BUILD)/host/%.c.o: $(SODIUM_DIR)/%.c Makefile | deps-test
	$(Q)mkdir -p $(@D)
	$(Q)$(HOSTCC) $(TEST_FLAGS) -w -MMD -MP -c $< -o $@

$(HOST_BINS):
	$(Q)$(HOSTCC) $(SANITIZE) $(filter %.o,$^) -lcmocka -lz -o $@

# ---- fuzzing --------------------------------------------------------------

# libFuzzer targets, N inputs each.
FUZZ_TARGETS := $(patsubst test/fuzz/%.c,$(BUILD)/fuzz/%,\
		  $(wildcard test/fuzz/*_fuzz.c))

$(BUILD)/fuzz/%: test/fuzz/%.c Makefile tools/test_sources.py | deps-test
	$(Q)mkdir -p $(@D)
	$(Q)clang -std=gnu11 -g -O1 -w -fsanitize=fuzzer,address,undefined \
		-fno-sanitize-recover=all -I. $(FETCHED_INCLUDE) \
		$(ZLIB_FLAGS) $< $$($(PYTHON) tools/test_sources.py --plain $<) -lz -o $@

fuzz: $(FUZZ_TARGETS)
	$(Q)$(PYTHON) test/fuzz/run.py $(or $(N),1000000) $(FUZZ_TARGETS)

# ---- tests ----------------------------------------------------------------

TEST_PARTS := test-host test-qemu
RELINK      = test/host/relink.py --image $(BUILD)/Image \
	      --elf $(BUILD)/kernel.elf --imgtool $(BUILD)/tools/imgtool \
	      --script kernel.lds --seed $(SEED) -- $(KERNEL_LINK)
KERNEL_LINK = $(LINK) $(KERNEL_OBJS) $(BUILD)/kernel/symbols-all.o $(LIBC)

.PHONY: test test-host test-host-build test-qemu check soak fuzz bench
test: deps-test
	$(Q)test/run.sh $(TEST_PARTS)

test-host-build: image tools $(HOST_BINS) $(FUZZ_TARGETS)

test-host: deps-test
	$(Q)$(MAKE) --no-print-directory -j$(shell nproc) test-host-build
	$(Q)test/host/run.sh $(HOST_BINS) test/host/tools_test.py "$(RELINK)" \
		"test/fuzz/run.py 3000 $(FUZZ_TARGETS)"

# Where Debian's kernel cannot be had there is no bundle, and what needs it is
# skipped.
GUEST_BUNDLE = [ ! -f $(DEBIAN_DIR)/Image ] || \
	       $(MAKE) --no-print-directory guest

test-qemu: deps-test image tools
	$(Q)$(GUEST_BUNDLE)
	$(Q)KERNEL_LINK='$(KERNEL_LINK)' $(PYTHON) test/qemu/run.py

SAME_FETCHED := LIBFDT_DIR=$(LIBFDT_DIR) ZLIB_DIR=$(ZLIB_DIR) \
		SODIUM_DIR=$(SODIUM_DIR)

# Beside the style checks: everything again with warnings as errors, and with
# clang (its objects linked by GNU ld, which wants them not relaxed).
check: deps-check deps-test
	$(Q)$(PYTHON) tools/check/format.py
	$(Q)$(PYTHON) tools/check/layers.py
	$(Q)$(PYTHON) tools/check/docs.py
	$(Q)$(MAKE) --no-print-directory WERROR=1 BUILD=$(BUILD)/check \
		$(SAME_FETCHED) image tools
	$(Q)$(PYTHON) tools/check/early.py \
		$(patsubst %,$(BUILD)/check/kernel/%.o,\
		arch/riscv/boot/head.S $(EARLY_C))
	$(Q)$(PYTHON) tools/check/headers.py arch kernel drivers lib -- \
		$(CC) $(KERNEL_FLAGS) -I$(BUILD)/check/include
	$(Q)$(MAKE) --no-print-directory WERROR=1 BUILD=$(BUILD)/clang \
		$(SAME_FETCHED) MARCH=rv64imac \
		CC="clang --target=riscv64-linux-gnu -mno-relax" image
	@echo "check: all good"

soak: soak-linux
	$(Q)$(PYTHON) test/qemu/soak.py
	$(Q)$(PYTHON) test/qemu/guest_soak.py

.PHONY: soak-linux
soak-linux: deps-test image tools
	$(Q)$(GUEST_BUNDLE)
	$(Q)$(PYTHON) test/qemu/soak_linux.py

bench: deps-test image tools
	$(Q)$(GUEST_BUNDLE)
	$(Q)$(PYTHON) test/bench/bench.py

# ---- other ----------------------------------------------------------------

compile_commands.json: Makefile $(KERNEL_C) $(FETCHED)
	$(Q)for f in $(KERNEL_C); do \
		printf '%s{"directory":"%s","file":"%s","command":"%s"}' \
			"$${sep-[}" "$(CURDIR)" "$$f" \
			"$(CC) $(KERNEL_FLAGS) $(WARNINGS) -c $$f"; \
		sep=$$',\n'; \
	done > $@ && echo ']' >> $@

.PHONY: help clean
help:
	@echo "make             build/Image, build/kernel.elf, build/tools/*"
	@echo "make run         boot it in QEMU (SMP= MEM= CPU= APPEND= GUEST= QEMU=)"
	@echo "make debug       the same, stopped for gdb"
	@echo "make guest       build/guest/bundle.cpio, Debian's Linux"
	@echo "make test        all tests; test-host, test-qemu, test-lab a part;"
	@echo "                 T=pattern picks tests, SEED= another sequence"
	@echo "make check       format, warnings, layers, relocations, clang"
	@echo "make lab         the board lab with a virtual board (docs/lab.md)"
	@echo "make bench       the figures of docs/performance.md"
	@echo "make soak fuzz   the long sweeps (N= SEED=)"
	@echo "make deps        only install and fetch what is needed"
	@echo "make clean       remove what was built, not what was fetched"
	@echo "V=1 shows the commands; CROSS_COMPILE=, LIBFDT_SRC=dir and"
	@echo "DEBIAN_MIRROR=url replace what the set-up takes"

clean:
	$(Q)rm -rf $(addprefix $(BUILD)/,kernel include host toolobj tools fuzz \
		guest *.elf Image *.mk *.json) compile_commands.json

-include $(wildcard $(BUILD)/kernel/*.d $(BUILD)/kernel/*/*.d \
	$(BUILD)/kernel/*/*/*.d $(BUILD)/kernel/*/*/*/*.d $(OFFSETS).d \
	$(BUILD)/host/*.d $(BUILD)/host/*/*.d $(BUILD)/host/*/*/*.d \
	$(BUILD)/host/*/*/*/*.d $(BUILD)/toolobj/*/*.d \
	$(BUILD)/toolobj/*/*/*.d $(BUILD)/toolobj/*/*/*/*.d)

# ---- board lab ------------------------------------------------------------

LABD_C       := $(wildcard tools/lab/*.c) lib/image.c
LAB_CLIENT_C := $(wildcard tools/lab/client/*.c)
LAB_OBJ      := $(BUILD)/toolobj
LAB_WEB      := $(wildcard tools/lab/web/*)
LAB_XTERM    := $(BUILD)/xterm/xterm.js $(BUILD)/xterm/xterm.css
LABD         := $(BUILD)/tools/labd
LAB_STATE    ?= $(BUILD)/lab

.PHONY: lab test-lab soak-lab fuzz-lab bench-lab deps-lab deps-lab-test
.PHONY: record-lab
soak: soak-lab
bench: bench-lab
tools: $(LABD) $(BUILD)/tools/lab

deps-lab: deps-build
	$(Q)tools/setup/deps.sh lab

# The virtual board's emulator and U-Boot.
deps-lab-test: deps-lab deps-run
	$(Q)tools/setup/deps.sh test lab-test
	$(Q)tools/setup/fetch.sh playwright ser2net opensbi

$(LAB_XTERM): | deps-lab
	$(Q)tools/setup/fetch.sh xterm

$(patsubst %,$(LAB_OBJ)/%.o,$(LABD_C) $(LAB_CLIENT_C)): | deps-lab
$(LAB_OBJ)/tools/lab/%.c.o: HOST_FLAGS += -D_GNU_SOURCE

$(LAB_OBJ)/lab_assets.S: tools/lab/embed.sh $(LAB_WEB) $(LAB_XTERM)
	$(Q)mkdir -p $(@D)
	$(Q)tools/lab/embed.sh $@ static=tools/lab/web static=$(BUILD)/xterm

$(LAB_OBJ)/lab_assets.o: $(LAB_OBJ)/lab_assets.S
	$(Q)$(HOSTCC) -c $< -o $@

$(LABD): $(patsubst %,$(LAB_OBJ)/%.o,$(LABD_C)) $(LAB_OBJ)/lab_assets.o
	$(Q)mkdir -p $(@D)
	$(Q)$(HOSTCC) $^ -lmicrohttpd -lsqlite3 -ljansson -lsodium -lz -lm \
		-o $@

$(BUILD)/tools/lab: $(patsubst %,$(LAB_OBJ)/%.o,$(LAB_CLIENT_C))
	$(Q)mkdir -p $(@D)
	$(Q)$(HOSTCC) $^ -lcurl -ljansson -o $@

# With something to boot, and the client to do it with.
lab: $(LABD) $(BUILD)/tools/lab $(BUILD)/Image deps-run
	$(Q)tools/setup/fetch.sh opensbi
	$(Q)printf '[board virt]\nbios = %s\n' \
		$(BUILD)/opensbi/fw_dynamic.bin > $(BUILD)/labd.conf
	$(Q)$(LABD) -c $(BUILD)/labd.conf --state $(LAB_STATE)

# The daemon's host tests; the client's have their own section.
LAB_TESTS := $(filter-out test/host/lab_client_%,\
	       $(wildcard test/host/lab_*_test.c))
LAB_BINS  := $(patsubst test/host/%.c,$(BUILD)/host/%,$(LAB_TESTS))
HOST_BINS += $(LAB_BINS)
TEST_PARTS += test-lab

$(BUILD)/host_lab.mk: $(LAB_TESTS) Makefile tools/test_sources.py
	$(Q)mkdir -p $(@D)
	$(Q)$(PYTHON) tools/test_sources.py $(BUILD) $(LAB_TESTS) > $@
ifneq ($(filter test% soak% $(BUILD)/host/lab_%,$(MAKECMDGOALS)),)
-include $(BUILD)/host_lab.mk
endif

$(BUILD)/host/tools/lab/%.c.o $(BUILD)/host/test/host/lab_%.c.o: \
	TEST_FLAGS += -D_GNU_SOURCE
$(LAB_BINS): | deps-lab
$(LAB_BINS):
	$(Q)$(HOSTCC) $(SANITIZE) $(filter %.o,$^) -lcmocka -lz -lm -o $@

test-host: deps-lab
test-host-build: $(LAB_BINS)

test-lab: deps-lab-test $(LABD) $(BUILD)/tools/lab $(BUILD)/lab-payload/Image \
		$(BUILD)/Image
	$(Q)$(PYTHON) test/lab/run.py

soak-lab: deps-lab-test $(LABD)
	$(Q)$(PYTHON) test/lab/sweep.py --schedules $(or $(N),10000)

bench-lab: deps-lab-test $(LABD) $(BUILD)/lab-payload/Image
	$(Q)$(PYTHON) test/lab/bench.py

# Makes the verdict engine's corpus (test/lab/corpus) anew, or T= of it.
record-lab: deps-lab-test $(LABD) $(BUILD)/lab-payload/Image $(BUILD)/Image \
		$(BUILD)/tools/bundle $(DEBIAN_DIR)/Image \
		$(BUILD)/guest/initrd.cpio
	$(Q)$(PYTHON) test/lab/record.py $(T)

# The tests' S-mode kernel; they patch what it is to do into it.
LAB_PAYLOAD   := $(BUILD)/lab-payload
LAB_PAYLOAD_C := $(wildcard test/lab/payload/*.[cS])

$(LAB_PAYLOAD)/Image: $(LAB_PAYLOAD_C) $(wildcard test/lab/payload/*.h) \
		test/lab/payload/payload.lds | deps-build
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -march=rv64imac_zicsr -mabi=lp64 -mcmodel=medany -O2 -Wall \
		-Wextra -Werror -ffreestanding -fno-pic -nostdlib -static \
		-Wl,--no-relax,--build-id=none -I. \
		-fno-asynchronous-unwind-tables -fno-jump-tables \
		-Wl,--no-warn-rwx-segments \
		-Wl,-T,test/lab/payload/payload.lds $(LAB_PAYLOAD_C) \
		-o $(@D)/payload.elf
	$(Q)$(CROSS_COMPILE)objcopy -O binary -j .text $(@D)/payload.elf $@

LAB_FUZZ := $(patsubst test/fuzz/%.c,$(BUILD)/fuzz/%,\
	      $(wildcard test/fuzz/lab_*_fuzz.c))
$(LAB_FUZZ): $(LABD_C) $(wildcard tools/lab/*.h)

fuzz-lab: $(LAB_FUZZ)
	$(Q)$(PYTHON) test/fuzz/run.py $(or $(N),1000000) $^

-include $(wildcard $(LAB_OBJ)/tools/lab/*.d $(LAB_OBJ)/tools/lab/client/*.d)
-include $(wildcard $(BUILD)/host/tools/lab/*.d)

# ---- lab client -----------------------------------------------------------

LAB_CLIENT_TESTS := $(wildcard test/host/lab_client_*_test.c)
LAB_CLIENT_BINS  := $(patsubst test/host/%.c,$(BUILD)/host/%,\
		      $(LAB_CLIENT_TESTS))
HOST_BINS        += $(LAB_CLIENT_BINS)
test-host-build: $(LAB_CLIENT_BINS)

$(BUILD)/lab_client.mk: $(LAB_CLIENT_TESTS) Makefile tools/test_sources.py
	$(Q)mkdir -p $(@D)
	$(Q)$(PYTHON) tools/test_sources.py $(BUILD) $(LAB_CLIENT_TESTS) > $@
ifneq ($(filter test% $(BUILD)/host/lab_client%,$(MAKECMDGOALS)),)
-include $(BUILD)/lab_client.mk
endif

$(BUILD)/host/tools/lab/client/%.c.o $(BUILD)/host/test/host/lab_client%.c.o: \
	TEST_FLAGS += -D_GNU_SOURCE

$(LAB_CLIENT_BINS) $(BUILD)/host/lab_client: | deps-lab
$(LAB_CLIENT_BINS):
	$(Q)$(HOSTCC) $(SANITIZE) $(filter %.o,$^) -lcmocka -ljansson -o $@

# The whole command under the sanitizers, for test/lab/client_test.py.
$(BUILD)/host/lab_client: $(patsubst %,$(BUILD)/host/%.o,$(LAB_CLIENT_C))
	$(Q)$(HOSTCC) $(SANITIZE) $^ -lcurl -ljansson -o $@

# Each prints `N passed, N failed, N skipped` last; T=pattern picks.
.PHONY: test-lab-client test-lab-web
test-lab-client: deps-lab-test $(LAB_CLIENT_BINS) $(BUILD)/host/lab_client \
		$(LABD)
	$(Q)for t in $(LAB_CLIENT_BINS); do $$t 2>&1 || exit 1; done
	$(Q)$(PYTHON) test/lab/client_test.py $(BUILD)/host/lab_client $(T)
	$(Q)$(PYTHON) test/lab/client_labd_test.py $(BUILD)/host/lab_client \
		$(LABD) $(T)

test-lab-web: deps-lab-test $(LABD)
	$(Q)$(PYTHON) test/lab/web_test.py $(LABD) $(T)

-include $(wildcard $(BUILD)/host/tools/lab/client/*.d)
