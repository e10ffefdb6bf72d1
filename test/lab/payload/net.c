/*
 * Tries the network from inside: a legacy virtio-mmio net device of QEMU virt,
 * raw frames out, whatever comes in counted. First DHCP, as proof that the
 * driver works; then ARP and TCP to hosts that must not answer. Or it is such a
 * host, and answers whom it can hear.
 */
#include "test/lab/payload/payload.h"

#define SLOT_BASE  0x10001000ul
#define SLOT_SIZE  0x1000ul
#define SLOTS	   8
#define MAGIC	   0x74726976
#define ID_NET	   1
#define QUEUE_SIZE 8
#define PAGE	   4096
#define FRAME_MAX  1600
#define NET_HEADER 10 /* struct virtio_net_hdr, legacy */

/* virtio 1.2, 4.2.4 (legacy registers). */
enum {
	REG_MAGIC = 0x00,
	REG_DEVICE = 0x08,
	REG_GUEST_FEATURES = 0x20,
	REG_PAGE_SIZE = 0x28,
	REG_QUEUE_SEL = 0x30,
	REG_QUEUE_NUM = 0x38,
	REG_QUEUE_ALIGN = 0x3c,
	REG_QUEUE_PFN = 0x40,
	REG_NOTIFY = 0x50,
	REG_STATUS = 0x70,
	REG_CONFIG = 0x100,
};

struct desc {
	uint64_t addr;
	uint32_t len;
	uint16_t flags, next;
};

struct queue {
	struct desc desc[QUEUE_SIZE];
	uint16_t avail_flags, avail_idx, avail_ring[QUEUE_SIZE];
	uint8_t pad[PAGE - QUEUE_SIZE * 16 - 4 - QUEUE_SIZE * 2];
	uint16_t used_flags;
	volatile uint16_t used_idx;
	struct {
		uint32_t id, len;
	} used_ring[QUEUE_SIZE];
} __attribute__((aligned(PAGE)));

static struct queue rx, tx;
static uint8_t rx_buffers[QUEUE_SIZE][FRAME_MAX], tx_buffer[FRAME_MAX];
static volatile uint32_t *dev;
static uint16_t rx_seen;
static uint8_t mac[6], own[4];

static void copy(void *to, const void *from, unsigned n)
{
	uint8_t *t = to;
	const uint8_t *f = from;

	while (n--)
		*t++ = *f++;
}

static void zero(void *to, unsigned n)
{
	uint8_t *t = to;

	while (n--)
		*t++ = 0;
}

static int equal(const void *a, const void *b, unsigned n)
{
	const uint8_t *p = a, *q = b;

	while (n--)
		if (*p++ != *q++)
			return 0;
	return 1;
}

/*
 * The device reads and writes these behind the compiler's back; it sees their
 * addresses only as page numbers, so they are named here.
 */
static void fence(void)
{
	__asm__ volatile("fence"
			 :
			 : "r"(&rx), "r"(&tx), "r"(rx_buffers), "r"(tx_buffer)
			 : "memory");
}

static void queue_set_up(unsigned n, struct queue *q)
{
	dev[REG_QUEUE_SEL / 4] = n;
	dev[REG_QUEUE_NUM / 4] = QUEUE_SIZE;
	dev[REG_QUEUE_ALIGN / 4] = PAGE;
	dev[REG_QUEUE_PFN / 4] = (unsigned long)q / PAGE;
}

static void rx_give(unsigned i)
{
	rx.desc[i].addr = (unsigned long)rx_buffers[i];
	rx.desc[i].len = FRAME_MAX;
	rx.desc[i].flags = 2;
	rx.avail_ring[rx.avail_idx % QUEUE_SIZE] = i;
	fence();
	rx.avail_idx++;
	fence();
}

static int net_open(void)
{
	for (unsigned s = 0; s < SLOTS; s++) {
		dev = (volatile uint32_t *)(SLOT_BASE + s * SLOT_SIZE);
		if (dev[REG_MAGIC / 4] == MAGIC &&
		    dev[REG_DEVICE / 4] == ID_NET)
			break;
		dev = 0;
	}
	if (!dev)
		return 0;
	dev[REG_STATUS / 4] = 0;
	dev[REG_STATUS / 4] = 3;
	dev[REG_GUEST_FEATURES / 4] = 0;
	dev[REG_PAGE_SIZE / 4] = PAGE;
	queue_set_up(0, &rx);
	queue_set_up(1, &tx);
	for (unsigned i = 0; i < QUEUE_SIZE; i++)
		rx_give(i);
	dev[REG_STATUS / 4] = 7;
	dev[REG_NOTIFY / 4] = 0;
	for (int i = 0; i < 6; i++)
		mac[i] = ((volatile uint8_t *)dev)[REG_CONFIG + i];
	return 1;
}

/* frame: from the Ethernet header on; at least 60 bytes go out. */
static void frame_send(const uint8_t *frame, unsigned len)
{
	uint16_t before = tx.used_idx;

	zero(tx_buffer, NET_HEADER + 60);
	copy(tx_buffer + NET_HEADER, frame, len);
	tx.desc[0].addr = (unsigned long)tx_buffer;
	tx.desc[0].len = NET_HEADER + (len < 60 ? 60 : len);
	tx.desc[0].flags = 0;
	tx.avail_ring[tx.avail_idx % QUEUE_SIZE] = 0;
	fence();
	tx.avail_idx++;
	fence();
	dev[REG_NOTIFY / 4] = 1;
	for (unsigned long end = now_us() + 100000; now_us() < end;)
		if (tx.used_idx != before)
			return;
}

/* Waits for a frame of which match() is true; 0 = none in time. */
static const uint8_t *frame_wait(int (*match)(const uint8_t *f),
				 unsigned long us)
{
	static uint8_t frame[FRAME_MAX];
	unsigned long end = now_us() + us;

	while (now_us() < end) {
		unsigned i;

		fence();
		if (rx.used_idx == rx_seen)
			continue;
		i = rx.used_ring[rx_seen++ % QUEUE_SIZE].id;
		copy(frame, rx_buffers[i] + NET_HEADER, FRAME_MAX - NET_HEADER);
		rx_give(i);
		dev[REG_NOTIFY / 4] = 0;
		if (match(frame))
			return frame;
	}
	return 0;
}

static void put16(uint8_t *p, unsigned v)
{
	p[0] = v >> 8;
	p[1] = v;
}

static unsigned sum16(const uint8_t *p, unsigned n, unsigned sum)
{
	for (unsigned i = 0; i + 1 < n; i += 2)
		sum += p[i] << 8 | p[i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

static void ip_header(uint8_t *f, const uint8_t *to_mac, const uint8_t *to,
		      unsigned protocol, unsigned payload)
{
	zero(f, 34);
	copy(f, to_mac, 6);
	copy(f + 6, mac, 6);
	put16(f + 12, 0x0800);
	f[14] = 0x45;
	put16(f + 16, 20 + payload);
	f[22] = 64;
	f[23] = protocol;
	copy(f + 26, own, 4);
	copy(f + 30, to, 4);
	put16(f + 24, ~sum16(f + 14, 20, 0) & 0xffff);
}

static int is_dhcp(const uint8_t *f)
{
	return f[12] == 8 && f[13] == 0 && f[23] == 17 && f[34] == 0 &&
		f[35] == 67;
}

static const uint8_t all[6] = {255, 255, 255, 255, 255, 255};

static void dhcp_try(void)
{
	static const uint8_t options[] = {0x63, 0x82, 0x53, 0x63,
					  53,	1,    1,    255};
	uint8_t f[34 + 8 + 300];

	zero(f, sizeof(f));
	zero(own, 4);
	ip_header(f, all, all, 17, 308);
	put16(f + 34, 68);
	put16(f + 36, 67);
	put16(f + 38, 308);
	f[42] = 1;
	f[43] = 1;
	f[44] = 6;
	f[46] = 0x5a;
	put16(f + 52, 0x8000);
	copy(f + 70, mac, 6);
	copy(f + 42 + 236, options, sizeof(options));
	frame_send(f, sizeof(f));
	put_text("NET dhcp ");
	put_text(frame_wait(is_dhcp, 3000000) ? "answered\n" : "nothing\n");
}

static uint8_t asked[4], gateway_mac[6];

static int is_arp_answer(const uint8_t *f)
{
	return f[12] == 8 && f[13] == 6 && f[21] == 2 &&
		equal(f + 28, asked, 4);
}

/* operation: 1 asks who has the address, 2 tells it that we have ours. */
static void arp_send(unsigned operation, const uint8_t *to_mac,
		     const uint8_t *to)
{
	uint8_t f[42];

	copy(f, to_mac, 6);
	copy(f + 6, mac, 6);
	put16(f + 12, 0x0806);
	put16(f + 14, 1);
	put16(f + 16, 0x0800);
	put16(f + 18, 0x0604);
	put16(f + 20, operation);
	copy(f + 22, mac, 6);
	copy(f + 28, own, 4);
	copy(f + 32, to_mac, 6);
	copy(f + 38, to, 4);
	frame_send(f, sizeof(f));
}

/* The answer of who has the address, asked at to_mac; 0 = none. */
static const uint8_t *arp_try(const uint8_t *to_mac, const uint8_t *who)
{
	copy(asked, who, 4);
	arp_send(1, to_mac, who);
	return frame_wait(is_arp_answer, 1000000);
}

static void gateway_find(const uint8_t *address)
{
	const uint8_t *answer = arp_try(all, address);

	put_text("NET arp gateway ");
	put_text(answer ? "answered\n" : "nothing\n");
	if (answer)
		copy(gateway_mac, answer + 6, 6);
}

/* An accepted connection: SYN and ACK. A reset is a refusal, so nothing. */
static int is_syn_ack(const uint8_t *f)
{
	return f[12] == 8 && f[13] == 0 && f[23] == 6 && (f[47] & 0x12) == 0x12;
}

static int tcp_try(const uint8_t *to_mac, const uint8_t *to, unsigned port)
{
	uint8_t f[54];
	unsigned sum;

	ip_header(f, to_mac, to, 6, 20);
	zero(f + 34, 20);
	put16(f + 34, 40000);
	put16(f + 36, port);
	f[41] = 1;
	f[46] = 0x50;
	f[47] = 2;
	put16(f + 48, 65535);
	sum = sum16(f + 26, 8, 6 + 20);
	put16(f + 50, ~sum16(f + 34, 20, sum) & 0xffff);
	frame_send(f, sizeof(f));
	return frame_wait(is_syn_ack, 2000000) != 0;
}

static unsigned number_read(const char **text)
{
	unsigned n = 0;

	while (**text >= '0' && **text <= '9')
		n = n * 10 + (unsigned)(*(*text)++ - '0');
	if (**text)
		(*text)++;
	return n;
}

static void address_read(const char **text, uint8_t *out)
{
	for (int i = 0; i < 4; i++)
		out[i] = number_read(text);
}

static void say(const char *what, int got)
{
	put_text("NET ");
	put_text(what);
	put_text(got ? " ANSWERED\n" : " nothing\n");
}

/* Reads "<own> <gateway> "; false: there is no device. */
static int net_start(const char **arguments, uint8_t *gateway)
{
	uint8_t me[4];

	address_read(arguments, me);
	address_read(arguments, gateway);
	if (!net_open()) {
		put_text("NET no device\nTEST end 1 passed, 0 failed\n");
		return 0;
	}
	dhcp_try();
	copy(own, me, 4);
	gateway_find(gateway);
	return 1;
}

/* Twelve hexadecimal digits. */
static void mac_read(const char **text, uint8_t *out)
{
	for (int i = 0; i < 12; i++) {
		unsigned digit = (unsigned)(*(*text)++ - '0');

		out[i / 2] = out[i / 2] << 4 | (digit > 9 ? digit - 39 : digit);
	}
	(*text)++;
}

static void mac_say(void)
{
	put_text("NET mac ");
	for (int i = 0; i < 12; i++) {
		unsigned n = i % 2 ? mac[i / 2] & 15 : mac[i / 2] >> 4;
		char digit[2] = {"0123456789abcdef"[n]};

		put_text(digit);
	}
	put_text("\n");
}

void net_probe(const char *arguments)
{
	static const uint8_t outside[4] = {93, 184, 216, 34};
	static const uint8_t loopback[4] = {127, 0, 0, 1};
	uint8_t gateway[4], other[4], other_mac[6];
	unsigned port;

	if (!net_start(&arguments, gateway))
		return;
	port = number_read(&arguments);
	mac_read(&arguments, other_mac);
	address_read(&arguments, other);
	say("labd", tcp_try(gateway_mac, gateway, port));
	say("ssh", tcp_try(gateway_mac, gateway, 22));
	say("outside", tcp_try(gateway_mac, outside, 80));
	say("loopback", tcp_try(gateway_mac, loopback, port));
	/* On a wire of its own the other may have the address that we have. */
	own[3] ^= 8;
	say("other board",
	    arp_try(all, other) || arp_try(other_mac, other) ||
		    tcp_try(other_mac, other, 80));
	put_text("NET done\n");
}

/* A frame of neither the gateway nor, looped back, ourselves. */
static int is_others(const uint8_t *f)
{
	return !equal(f + 6, gateway_mac, 6) && !equal(f + 6, mac, 6);
}

void net_hear(const char *arguments)
{
	uint8_t gateway[4];
	unsigned heard = 0;

	if (!net_start(&arguments, gateway))
		return;
	mac_say();
	put_text("NET listening\n");
	while (!key_typed()) {
		const uint8_t *f = frame_wait(is_others, 1000);

		if (!f)
			continue;
		heard++;
		if (f[12] == 8 && f[13] == 6 && f[21] == 1 &&
		    equal(f + 38, own, 4))
			arp_send(2, f + 6, f + 28);
	}
	put_text("NET heard ");
	put_number(heard);
	put_text(" frames of others\n");
}
