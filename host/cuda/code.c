#include "code.h"

#include <stdlib.h>
#include <string.h>

/* Returns the kind of code of one architecture of the list: "90", "90-real", "90-virtual", "90a-real", "100f". Binary code runs
 * on GPUs of the same major compute capability and the same or a later minor one. PTX is compiled for any later GPU. The suffix
 * `a` limits code to that GPU, and `f` to its major capability (CUDA C++ Programming Guide, "Compute Capability", and nvcc's
 * manual, "GPU Feature List"). */
static code_kind code_of(const char *architecture, int major, int minor)
{
    char *end;
    long number = strtol(architecture, &end, 10), of_major = number / 10, of_minor = number % 10;
    if (end == architecture) return CODE_UNKNOWN;
    int alone = *end == 'a', family = *end == 'f';
    end += alone || family;
    size_t length = strcspn(end, ",");
    int real = length == 0 || (length == 5 && strncmp(end, "-real", 5) == 0);
    int virtual = length == 0 || (length == 8 && strncmp(end, "-virtual", 8) == 0);
    if (!real && !virtual) return CODE_UNKNOWN;
    int same_major = of_major == major, later = of_major < major || (same_major && of_minor <= minor);
    if (alone) later = same_major = same_major && of_minor == minor;
    if (family) later = later && same_major;
    if (real && same_major && later) return CODE_BINARY;
    return virtual && later ? CODE_PTX : CODE_NONE;
}

code_kind code_for(const char *architectures, int major, int minor)
{
    code_kind best = CODE_NONE;
    for (const char *at = architectures; at; at = strchr(at, ','), at += at != NULL) {
        code_kind kind = code_of(at, major, minor);
        if (kind == CODE_UNKNOWN) return kind;
        if (kind > best) best = kind;
    }
    return best;
}
