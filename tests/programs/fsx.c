// SPDX-License-Identifier: GPL-2.0
/*
 * Random operations on one file, each checked against a copy of the contents in memory: read, write, also by a
 * mapping and with O_DIRECT, truncate, extend, punch, zero, fsync, and dropping of clean cache.
 *
 * usage: fsx FILE SECONDS SEED
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/mman.h>

#define MAX	(4UL << 20)
#define PAGE	4096UL

enum { READ, WRITE, MAP_READ, MAP_WRITE, DIRECT_READ, DIRECT_WRITE, TRUNCATE, EXTEND, PUNCH, ZERO, SYNC, DROP, NR };
static const char * const names[NR] = { "read", "write", "map_read", "map_write", "direct_read", "direct_write",
					"truncate", "extend", "punch", "zero", "sync", "drop" };
static unsigned char model[MAX], *buffer;
static unsigned long size, count[NR], refused[NR];

static void fail(const char *what, int op, unsigned long at)
{
	printf("# fsx: %s in %s, offset %lu of %lu: %s\n", what, names[op], at, size, strerror(errno));
	exit(1);
}

static void compare(const unsigned char *got, unsigned long at, unsigned long n, int op)
{
	unsigned long i;

	for (i = 0; i < n; i++) {
		if (got[i] != model[at + i]) {
			errno = 0;
			fail("wrong contents", op, at + i);
		}
	}
}

/* An operation that a file system does not know leaves everything as it was. */
static int known(int result, int op, unsigned long at)
{
	if (!result)
		return 1;
	if (errno != EOPNOTSUPP && errno != EINVAL)
		fail("error", op, at);
	refused[op]++;
	return 0;
}

static void resize(unsigned long new)
{
	if (new < size)
		memset(model + new, 0, size - new);
	size = new;
}

static void step(int fd, int direct, int op)
{
	unsigned long at = random() % MAX, n = 1 + random() % (16 * 1024), i;
	unsigned char value = random();
	unsigned char *map;

	if (op == DIRECT_READ || op == DIRECT_WRITE) {
		at -= at % PAGE;
		n += PAGE - n % PAGE;
	}
	if (at + n > MAX)
		n = MAX - at;
	/* only these may touch what lies behind the end */
	if (op != WRITE && op != DIRECT_WRITE && op != EXTEND) {
		if (at >= size)
			return;
		if (at + n > size && op != DIRECT_READ)
			n = size - at;
	}
	count[op]++;
	switch (op) {
	case DIRECT_READ:
	case READ:
		if (op == DIRECT_READ && direct < 0) {
			refused[op]++;
			break;
		}
		i = at + n > size ? size - at : n;
		if (pread(op == READ ? fd : direct, buffer, n, at) != (ssize_t)i)
			fail("short", op, at);
		compare(buffer, at, i, op);
		break;
	case DIRECT_WRITE:
	case WRITE:
		if (op == DIRECT_WRITE && direct < 0) {
			refused[op]++;
			break;
		}
		for (i = 0; i < n; i++)
			buffer[i] = value += 7;
		if (pwrite(op == WRITE ? fd : direct, buffer, n, at) != (ssize_t)n)
			fail("short", op, at);
		memcpy(model + at, buffer, n);
		if (at + n > size)
			size = at + n;
		break;
	case MAP_READ:
	case MAP_WRITE:
		map = mmap(NULL, MAX, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		if (map == MAP_FAILED)
			fail("no mapping", op, at);
		compare(map + at, at, n, op);
		for (i = 0; op == MAP_WRITE && i < n; i++)
			map[at + i] = model[at + i] = value += 7;
		munmap(map, MAX);
		break;
	case TRUNCATE:
		if (ftruncate(fd, at))
			fail("error", op, at);
		resize(at);
		break;
	case EXTEND:
		if (at <= size)
			break;
		if (ftruncate(fd, at))
			fail("error", op, at);
		resize(at);
		break;
	case PUNCH:
	case ZERO:
		if (known(fallocate(fd, FALLOC_FL_KEEP_SIZE | (op == PUNCH ? FALLOC_FL_PUNCH_HOLE : FALLOC_FL_ZERO_RANGE),
				    at, n), op, at))
			memset(model + at, 0, n);
		break;
	case SYNC:
		if (fsync(fd))
			fail("error", op, at);
		break;
	case DROP:
		posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
		break;
	}
}

int main(int argc, char **argv)
{
	int fd, direct, op;
	time_t end;

	if (argc != 4)
		return 2;
	fd = open(argv[1], O_RDWR | O_CREAT | O_TRUNC, 0600);
	direct = open(argv[1], O_RDWR | O_DIRECT);	/* tmpfs may have none */
	if (fd < 0 || posix_memalign((void **)&buffer, PAGE, MAX))
		return 2;
	srandom(atoi(argv[3]));
	end = time(NULL) + atoi(argv[2]);
	while (time(NULL) < end)
		step(fd, direct, random() % NR);
	if (pread(fd, buffer, size, 0) != (ssize_t)size)
		fail("short", READ, 0);
	compare(buffer, 0, size, READ);
	printf("# fsx:");
	for (op = 0; op < NR; op++)
		printf(" %s %lu", names[op], count[op] - refused[op]);
	printf("\n");
	return 0;
}
