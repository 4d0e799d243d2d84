/* Whether long tests take a part of their cases: where a sanitizer slows the build, and where CMake's CUSGD_REDUCED_TESTS asks
 * for it (TESTS_REDUCED), as scripts/test.sh does in its usual tier. */
#ifndef CUSGD_TESTS_REDUCED_H
#define CUSGD_TESTS_REDUCED_H

#ifndef TESTS_REDUCED
#define TESTS_REDUCED 0
#endif

#if TESTS_REDUCED || defined(__SANITIZE_ADDRESS__)
#define REDUCED 1
#elif defined(__has_feature)
#define REDUCED __has_feature(address_sanitizer)
#else
#define REDUCED 0
#endif

#endif
