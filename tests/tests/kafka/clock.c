/* The wall clock of a process, an hour ahead for three seconds out of nine, an hour behind for three others.
 * Loaded in front of the C library; the clock that only counts on stays as it is. A wait until some time of the wall
 * clock ends when that clock, as it went when the wait began, would show it. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/time.h>
#include <threads.h>
#include <time.h>

static int kernel_time(clockid_t clock, struct timespec *time)
{
    static int (*next)(clockid_t, struct timespec *);
    if (!next)
        next = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    return next(clock, time);
}

static time_t jump(void)
{
    struct timespec passed;
    kernel_time(CLOCK_MONOTONIC, &passed);
    switch (passed.tv_sec % 9 / 3) {
    case 0:
        return 3600;
    case 1:
        return -3600;
    default:
        return 0;
    }
}

int clock_gettime(clockid_t clock, struct timespec *time)
{
    int outcome = kernel_time(clock, time);
    if (outcome == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        time->tv_sec += jump();
    return outcome;
}

int gettimeofday(struct timeval *restrict time, void *restrict zone)
{
    struct timespec now;
    (void)zone;
    kernel_time(CLOCK_REALTIME, &now);
    time->tv_sec = now.tv_sec + jump();
    time->tv_usec = now.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *out)
{
    struct timespec now;
    kernel_time(CLOCK_REALTIME, &now);
    now.tv_sec += jump();
    if (out)
        *out = now.tv_sec;
    return now.tv_sec;
}

/* An end on the clock that the kernel knows. */
static struct timespec kernel_end(const struct timespec *until)
{
    struct timespec end = *until;
    end.tv_sec -= jump();
    return end;
}

int cnd_timedwait(cnd_t *restrict condition, mtx_t *restrict mutex, const struct timespec *restrict until)
{
    static int (*next)(cnd_t *, mtx_t *, const struct timespec *);
    struct timespec end = kernel_end(until);
    if (!next)
        next = (int (*)(cnd_t *, mtx_t *, const struct timespec *))dlsym(RTLD_NEXT, "cnd_timedwait");
    return next(condition, mutex, &end);
}

int pthread_cond_timedwait(pthread_cond_t *restrict condition, pthread_mutex_t *restrict mutex,
                           const struct timespec *restrict until)
{
    static int (*next)(pthread_cond_t *, pthread_mutex_t *, const struct timespec *);
    struct timespec end = kernel_end(until);
    /* The oldest version of the symbol is for conditions of another layout. */
    if (!next)
        next = (int (*)(pthread_cond_t *, pthread_mutex_t *, const struct timespec *))dlvsym(
            RTLD_NEXT, "pthread_cond_timedwait", "GLIBC_2.3.2");
    if (!next)
        next = (int (*)(pthread_cond_t *, pthread_mutex_t *, const struct timespec *))dlsym(
            RTLD_NEXT, "pthread_cond_timedwait");
    return next(condition, mutex, &end);
}
