/* The interface between libcusgd and a device module (libcusgd-cuda.so), which is loaded when a GPU is requested. The module does
 * not link libcusgd; the functions that it needs are passed to it in `services`. */
#ifndef CUSGD_HOST_MODULE_H
#define CUSGD_HOST_MODULE_H

#include "backend.h"

/* To be increased with every change of this file or of backend.h; a module with another number is refused. */
enum { MODULE_ABI = 19 };

typedef struct backend_services {
    cusgd_status (*fail)(cusgd_status status, const char *format, ...);                  /* failure.h's */
    void (*share)(int64_t count, void (*body)(void *context, int64_t i), void *context); /* pool.h's pool_share */
    cusgd_status (*sparse_moments)(const examples *e, double *mean, double *variance, double *target_mean, double *weight);
    tree_node (*shards)(const world *w, int shards, int rank);    /* world.h's world_shards, */
    int (*nodes)(int shards, tree_node within, tree_node *nodes); /* world_nodes, */
    cusgd_status (*any)(world *w, int flag, int *any);            /* world_any, */
    cusgd_status (*tell)(world *w, void *at, size_t bytes);       /* and world_tell */
} backend_services;

/* The functions that a module exports. Both return OK or call services->fail. */

/* Opens the device with number `index`. */
typedef cusgd_status module_open(int abi, const backend_services *services, int index, cusgd_precision precision, backend *out);
#define MODULE_OPEN "cusgd_backend_open"

/* *Sets *count to the number of devices, and describes device `index` if it is less. The caller adds the path of the module. */
typedef cusgd_status module_describe(int abi, const backend_services *services, int index, cusgd_device *out, int *count);
#define MODULE_DESCRIBE "cusgd_device_describe"

#endif
