/* A checkpoint is a safetensors file. Its metadata has the numbers and options as texts, and its tensors have the parameters. */
#ifndef CUSGD_HOST_TRAINER_STATE_H
#define CUSGD_HOST_TRAINER_STATE_H

#include "trainer.h"

#include "data/safetensors.h"

/* The numbers of a checkpoint: everything except the options and the tensors. */
typedef struct state_numbers {
    run_position at;
    fit_position fit;
    int in_fit; /* 1: saved during a fit */
    double start_loss, given;
    uint64_t factors; /* a hash of the penalty factors */
    fingerprint data;
} state_numbers;

/* The tensors: the components of the snapshots, the start of the run, and the vectors of a solver. */
enum {
    STATE_START = SNAPSHOTS * STATE_PARTS,
    STATE_VECTORS,
    STATE_TENSORS = STATE_VECTORS + FIT_VECTORS,
};

/* The tensors to save. Tensors that are zero or equal to an earlier one are left out. */
typedef struct saved_state {
    cJSON *metadata;
    tensor tensors[STATE_TENSORS];
    size_t count;
    unsigned char *memory; /* the values of most tensors */
} saved_state;

/* The tensors of a file, one for each name; those that are zero or absent have no values. */
typedef struct loaded_state {
    state_numbers numbers;
    tensor tensors[STATE_TENSORS];
} loaded_state;

/* state_numbers.c. Writes the numbers to the metadata (returns 0: out of memory), and reads them (returns 0: a number is missing
 * or out of range). */
int state_put_numbers(const state_numbers *numbers, cJSON *metadata);
int state_take_numbers(const cJSON *metadata, state_numbers *numbers);
/* Writes and reads 64 bits likewise. */
int state_put_bits(cJSON *metadata, const char *name, uint64_t bits);
int state_take_bits(const cJSON *metadata, const char *name, uint64_t *bits);

/* state_tensors.c. Collects the state of the trainer in s->tensors. Adds the names of tensors that are equal to an earlier one to
 * the metadata. */
cusgd_status state_add_tensors(cusgd_trainer *t, saved_state *s);
/* Reads the tensors of a file. Fails with DATA if the checksum or the metadata is wrong. */
cusgd_status state_take_tensors(const safetensors *file, loaded_state *s);
/* Completes tensors that are equal to another one. Fails with DATA if a tensor does not fit the trainer. */
cusgd_status state_check_tensors(const cusgd_trainer *t, const safetensors *file, loaded_state *s);
/* Sets the state of the trainer. */
cusgd_status state_put_tensors(cusgd_trainer *t, const loaded_state *s);
/* Returns the checksum of everything in a checkpoint except the checksum itself. */
uint64_t state_checksum(const cJSON *metadata, const tensor *tensors, size_t count);

/* state_data.c. Computes t->fingerprint from the data of the trainer, unless it has been computed. */
cusgd_status state_fingerprint(cusgd_trainer *t);
/* Returns a hash of the penalty factors. */
uint64_t state_factors(const cusgd_trainer *t);
/* Writes the options of the run to the metadata. Returns 0 if there is no memory. */
int state_put_options(const cusgd_trainer *t, cJSON *metadata);
/* Fails with USAGE or DATA if the checkpoint belongs to another run; the message names all options and parts of the data that
 * differ. */
cusgd_status state_compare(cusgd_trainer *t, const safetensors *file, const state_numbers *saved);

cusgd_status fail_damaged(const safetensors *file, const char *what);

#endif
