/* Whether a sanitizer slows this build: long tests then take a part of their cases. */
#ifndef CUSGD_TESTS_REDUCED_H
#define CUSGD_TESTS_REDUCED_H

#if defined(__SANITIZE_ADDRESS__)
#define REDUCED 1
#elif defined(__has_feature)
#define REDUCED __has_feature(address_sanitizer)
#else
#define REDUCED 0
#endif

#endif
