// SPDX-License-Identifier: GPL-2.0
/*
 * LD_PRELOAD library: while the program runs, a thread in each of its processes moves all memory of the
 * process to a public test device and back, again and again. The program is not to notice.
 *
 * MIGRATE_DEVICE  the device, such as /dev/hmm_dmirror4
 * MIGRATE_COUNT   a file of four 64 bit counters: pages of the process moved to the device and back, then
 *                 those of the file
 * MIGRATE_FILE    optional: a file whose page cache is moved although the program need not map it
 * MIGRATE_PAUSE   optional: microseconds for which everything stays where it is then (2000)
 */
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <lib/test_hmm_uapi.h>

#define PAGE		4096UL
#define CHUNK		64	/* pages of a request: the device hands their contents over as well */
#define PRESENT		(1ULL << 63)

struct counters {
	_Atomic uint64_t to_device, to_system;
};

static struct counters *counters; /* [0] of the process, [1] of the file */
static const char *device_name, *file_name;
static useconds_t rest = 2000;

struct mover {
	int device, pagemap;
	bool back, file;
	char *contents;
};

static void request(struct mover *m, unsigned long start, unsigned long npages)
{
	struct hmm_dmirror_cmd cmd = { .addr = start, .ptr = (unsigned long)m->contents, .npages = npages };

	/* a range may be unmapped meanwhile, or not be movable: then less moves, or nothing */
	ioctl(m->device, m->back ? HMM_DMIRROR_MIGRATE_TO_SYS : HMM_DMIRROR_MIGRATE_TO_DEV, &cmd);
	atomic_fetch_add(m->back ? &counters[m->file].to_system : &counters[m->file].to_device, cmd.cpages);
}

/* Only what is there: a hole would become memory that the program never asked for. */
static void move(struct mover *m, unsigned long start, unsigned long end)
{
	uint64_t entries[CHUNK];
	unsigned long first, i, n;

	for (; start < end; start += n * PAGE) {
		n = (end - start) / PAGE < CHUNK ? (end - start) / PAGE : CHUNK;
		if (pread(m->pagemap, entries, n * 8, start / PAGE * 8) != (ssize_t)(n * 8))
			return;
		for (first = i = 0; i <= n; i++) {
			if (i < n && entries[i] & PRESENT)
				continue;
			if (i > first)
				request(m, start + first * PAGE, i - first);
			first = i + 1;
		}
	}
}

static void move_file(struct mover *m)
{
	int fd = open(file_name, O_RDONLY);
	struct stat st;
	char *map;

	if (fd < 0)
		return;
	if (!fstat(fd, &st) && st.st_size) {
		map = mmap(NULL, st.st_size, PROT_READ, MAP_SHARED | MAP_POPULATE, fd, 0);
		if (map != MAP_FAILED) {
			m->file = true;
			move(m, (unsigned long)map, (unsigned long)map + (st.st_size + PAGE - 1) / PAGE * PAGE);
			m->file = false;
			munmap(map, st.st_size);
		}
	}
	close(fd);
}

/*
 * Code and read-only data of libraries is most of a program's memory: it comes along in half of the turns only,
 * eight at a time.
 */
static void move_process(struct mover *m, bool all)
{
	unsigned long start, end;
	char line[512], prot[5];
	FILE *maps = fopen("/proc/self/maps", "re");

	if (!maps)
		return;
	while (fgets(line, sizeof(line), maps)) {
		if (sscanf(line, "%lx-%lx %4s", &start, &end, prot) == 3 && (all || prot[1] == 'w') &&
		    !strstr(line, "[v") && !strstr(line, "/dev/hmm"))
			move(m, start, end);
	}
	fclose(maps);
}

static void *run(void *arg)
{
	struct mover m = { .pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC) };
	unsigned int turn;

	/* the device works on the address space of whoever opens it */
	m.device = open(device_name, O_RDWR | O_CLOEXEC);
	/* shared: a private mapping of the program's must not merge with it */
	m.contents = mmap(NULL, CHUNK * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (m.device < 0 || m.pagemap < 0 || m.contents == MAP_FAILED)
		return NULL;
	for (turn = 0;; turn++) {
		m.back = turn & 1;
		if (file_name)
			move_file(&m);
		move_process(&m, turn & 8);
		usleep(rest);
	}
	return arg;
}

static void start(void)
{
	sigset_t all, old;
	pthread_t thread;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);	/* signals are for the program's own threads */
	if (!pthread_create(&thread, NULL, run, NULL))
		pthread_detach(thread);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
}

__attribute__((constructor)) static void init(void)
{
	const char *name = getenv("MIGRATE_COUNT");
	int fd;

	device_name = getenv("MIGRATE_DEVICE");
	file_name = getenv("MIGRATE_FILE");
	if (getenv("MIGRATE_PAUSE"))
		rest = atoi(getenv("MIGRATE_PAUSE"));
	if (!name || !device_name)
		return;
	fd = open(name, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return;
	counters = mmap(NULL, 2 * sizeof(*counters), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (counters == MAP_FAILED)
		return;
	mallopt(M_ARENA_MAX, 1);	/* nor with an arena of the thread's own */
	pthread_atfork(NULL, NULL, start);
	start();
}
