#include "fiber.h"
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <sys/mman.h>
#include <vector>
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/common_interface_defs.h>
#endif

/* A context is a suspended stack. On x86-64 its callee-saved registers lie on it and the switch is 14 instructions (swapcontext
 * makes a system call to save the signal mask: 20 times slower); elsewhere it is the C library's. */
#if defined(__x86_64__) && !defined(EMULATOR_UCONTEXT)
typedef void *context;
extern "C" __attribute__((visibility("hidden"))) void emulator_switch(context *from, context to);
asm(".text\n.globl emulator_switch\n.hidden emulator_switch\n.type emulator_switch,@function\nemulator_switch:\n"
    "push %rbp\npush %rbx\npush %r12\npush %r13\npush %r14\npush %r15\n"
    "mov %rsp,(%rdi)\nmov %rsi,%rsp\n"
    "pop %r15\npop %r14\npop %r13\npop %r12\npop %rbx\npop %rbp\nret\n.size emulator_switch,.-emulator_switch\n");

static void context_switch(context *from, context *to) { emulator_switch(from, *to); }

static void context_make(context *c, char *stack, size_t bytes, void (*entry)())
{
    void **top = (void **)(stack + bytes - 64);
    *--top = nullptr; /* entry's return address: it never returns */
    *--top = (void *)entry;
    for (int i = 0; i < 6; i++) *--top = nullptr;
    *c = top;
}
#else
#include <ucontext.h>
typedef ucontext_t context;

static void context_switch(context *from, context *to) { swapcontext(from, to); }

static void context_make(context *c, char *stack, size_t bytes, void (*entry)())
{
    getcontext(c);
    c->uc_stack.ss_sp = stack;
    c->uc_stack.ss_size = bytes;
    c->uc_link = nullptr;
    makecontext(c, entry, 0);
}
#endif

namespace emulator
{
static const size_t STACK = 256 * 1024, GUARD = 4096; /* bytes */

struct fiber {
    context saved;
    char *stack;
    void *fake; /* AddressSanitizer's */
};

static std::vector<fiber *> &idle = *new std::vector<fiber *>; /* never destroyed, so that LeakSanitizer still sees the fibers */
static fiber *current;
static void (*current_work)();
static context scheduler;
static bool from_scheduler;         /* the last switch to a fiber was */
static const void *scheduler_stack; /* as AddressSanitizer knows it */
static size_t scheduler_bytes;

static void leave(void **fake, const void *stack, size_t bytes)
{
#ifdef __SANITIZE_ADDRESS__
    __sanitizer_start_switch_fiber(fake, stack, bytes);
#else
    (void)fake, (void)stack, (void)bytes;
#endif
}

static void arrive(void *fake)
{
#ifdef __SANITIZE_ADDRESS__
    const void *stack;
    size_t bytes;
    __sanitizer_finish_switch_fiber(fake, &stack, &bytes);
    if (from_scheduler) scheduler_stack = stack, scheduler_bytes = bytes;
#else
    (void)fake;
#endif
}

static void fiber_main()
{
    arrive(nullptr);
    for (;;) {
        current_work();
        idle.push_back(current);
        fiber_suspend();
    }
}

static fiber *fiber_make()
{
    fiber *f = new fiber();
    void *memory = mmap(nullptr, STACK + GUARD, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED || mprotect(memory, GUARD, PROT_NONE)) {
        fprintf(stderr, "emulator: no memory for a device thread's stack\n");
        abort();
    }
    f->stack = (char *)memory + GUARD;
    context_make(&f->saved, f->stack, STACK, fiber_main);
    return f;
}

fiber *fiber_current() { return current; }

void fiber_resume(fiber *f)
{
    void *fake = nullptr;
    current = f;
    from_scheduler = true;
    leave(&fake, f->stack, STACK);
    context_switch(&scheduler, &f->saved);
    from_scheduler = false;
    arrive(fake);
}

void fiber_start(void (*work)())
{
    if (idle.empty()) idle.push_back(fiber_make());
    fiber *f = idle.back();
    idle.pop_back();
    current_work = work;
    fiber_resume(f);
}

void fiber_suspend()
{
    fiber *f = current;
    leave(&f->fake, scheduler_stack, scheduler_bytes);
    context_switch(&f->saved, &scheduler);
    arrive(f->fake);
}

void fiber_pass(fiber *to)
{
    fiber *f = current;
    current = to;
    from_scheduler = false;
    leave(&f->fake, to->stack, STACK);
    context_switch(&f->saved, &to->saved);
    arrive(f->fake);
}
} // namespace emulator
