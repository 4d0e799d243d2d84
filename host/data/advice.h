/* Advice to the system about memory that older headers do not name. */
#ifndef CUSGD_HOST_DATA_ADVICE_H
#define CUSGD_HOST_DATA_ADVICE_H

#include <sys/mman.h>

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22 /* of Linux 5.14 */
#endif
#ifndef MADV_COLD
#define MADV_COLD 20 /* of Linux 5.4 */
#endif

#endif
