/* For LD_PRELOAD in the tests' roots: memory for libcamera's virtual camera on a kernel without DMA heaps.

   /dev/udmabuf and the heaps below /dev/dma_heap become anonymous files; what is allocated of a heap is another
   anonymous file, and a udmabuf is the file that it was to be made of. Synchronising such a "buffer" is no work.

   cc -shared -fPIC -O2 -o dma_memory.so dma_memory.c */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <linux/types.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <unistd.h>

/* linux/dma-heap.h, linux/udmabuf.h, linux/dma-buf.h */
struct heap_request { __u64 length; __u32 fd; __u32 fd_flags; __u64 heap_flags; };
struct udmabuf_request { __u32 memfd; __u32 flags; __u64 offset; __u64 size; };
#define HEAP_ALLOCATE ((unsigned int)_IOWR('H', 0x0, struct heap_request))
#define UDMABUF_CREATE ((unsigned int)_IOW('u', 0x42, struct udmabuf_request))
#define IS_DMABUF(request) (_IOC_TYPE(request) == 'b')

static int heap_or_udmabuf(const char *path)
{
    return path != NULL && (strncmp(path, "/dev/dma_heap/", 14) == 0 || strcmp(path, "/dev/udmabuf") == 0);
}

static int anonymous(int fd)
{
    char link[32], target[16];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    return readlink(link, target, sizeof target) > 7 && strncmp(target, "/memfd:", 7) == 0;
}

static int opened(const char *name, const char *path, int flags, mode_t mode)
{
    if (heap_or_udmabuf(path))
        return memfd_create("heap", MFD_CLOEXEC);
    int (*real)(const char *, int, ...) = dlsym(RTLD_NEXT, name);
    return real(path, flags, mode);
}

#define OPEN(name)                                  \
    int name(const char *path, int flags, ...)      \
    {                                               \
        va_list rest;                               \
        va_start(rest, flags);                      \
        mode_t mode = va_arg(rest, mode_t);         \
        va_end(rest);                               \
        return opened(#name, path, flags, mode);    \
    }
OPEN(open)
OPEN(open64)

/* What glibc's headers make of open() without a mode. */
int __open_2(const char *path, int flags) { return opened("open", path, flags, 0); }
int __open64_2(const char *path, int flags) { return opened("open64", path, flags, 0); }

int ioctl(int fd, unsigned long request, ...)
{
    va_list rest;
    va_start(rest, request);
    void *argument = va_arg(rest, void *);
    va_end(rest);
    unsigned int number = (unsigned int)request;
    if (number == HEAP_ALLOCATE) {
        struct heap_request *heap = argument;
        int memory = memfd_create("buffer", MFD_CLOEXEC);
        if (memory < 0 || ftruncate(memory, (off_t)heap->length) != 0)
            return -1;
        heap->fd = (__u32)memory;
        return 0;
    }
    if (number == UDMABUF_CREATE)
        return fcntl((int)((struct udmabuf_request *)argument)->memfd, F_DUPFD_CLOEXEC, 0);
    if (IS_DMABUF(number) && anonymous(fd))
        return 0;
    int (*real)(int, unsigned long, ...) = dlsym(RTLD_NEXT, "ioctl");
    return real(fd, request, argument);
}
