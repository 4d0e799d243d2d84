/* A checkpoint: a safetensors file. Numbers and options are texts of its metadata, parameters its tensors. */
#ifndef CUSGD_HOST_TRAINER_STATE_H
#define CUSGD_HOST_TRAINER_STATE_H

#include "trainer.h"

#include "data/safetensors.h"

/* All but the options and the tensors: plain. */
typedef struct state_numbers {
    run_position at;
    fit_position fit;
    int in_fit; /* 1: saved inside of one */
    double start_loss, given;
    uint64_t factors; /* a hash of the penalty factors */
    fingerprint data;
} state_numbers;

/* The parts of the snapshots, the run's start, a solver's vectors. */
enum {
    STATE_START = SNAPSHOTS * STATE_PARTS,
    STATE_VECTORS,
    STATE_TENSORS = STATE_VECTORS + FIT_VECTORS,
};

/* What is saved. Those tensors that would be zeros or equal to an earlier one are left out. */
typedef struct saved_state {
    cJSON *metadata;
    tensor tensors[STATE_TENSORS];
    size_t count;
    unsigned char *memory; /* most of the tensors' values */
} saved_state;

/* What was saved: a tensor for each name, without values where it is zeros or not there. */
typedef struct loaded_state {
    state_numbers numbers;
    tensor tensors[STATE_TENSORS];
} loaded_state;

/* state_numbers.c: into the metadata, 0: out of memory; and from it, 0: one is missing or out of its range. */
int state_put_numbers(const state_numbers *numbers, cJSON *metadata);
int state_take_numbers(const cJSON *metadata, state_numbers *numbers);
/* 64 bits, into the metadata and from it; likewise. */
int state_put_bits(cJSON *metadata, const char *name, uint64_t bits);
int state_take_bits(const cJSON *metadata, const char *name, uint64_t *bits);

/* state_tensors.c: the trainer's state into s->tensors. The metadata gets the names of those that are equal to an earlier one. */
cusgd_status state_add_tensors(cusgd_trainer *t, saved_state *s);
/* The tensors of a file, which its checksum fits, and all its metadata; else DATA. */
cusgd_status state_take_tensors(const safetensors *file, loaded_state *s);
/* Completes those that are equal to another one; DATA where one is not what the trainer takes. */
cusgd_status state_check_tensors(const cusgd_trainer *t, const safetensors *file, loaded_state *s);
/* Makes them the trainer's. */
cusgd_status state_put_tensors(cusgd_trainer *t, const loaded_state *s);
/* Of everything in a checkpoint but the checksum itself. */
uint64_t state_checksum(const cJSON *metadata, const tensor *tensors, size_t count);

/* state_data.c: makes t->fingerprint that of the trainer's data; it is taken once. */
cusgd_status state_fingerprint(cusgd_trainer *t);
/* 64 bits of the penalty factors. */
uint64_t state_factors(const cusgd_trainer *t);
/* The options as they run, into the metadata; 0: out of memory. */
int state_put_options(const cusgd_trainer *t, cJSON *metadata);
/* Names every option and part of the data in which a checkpoint is of another run. USAGE or DATA. */
cusgd_status state_compare(cusgd_trainer *t, const safetensors *file, const state_numbers *saved);

cusgd_status fail_damaged(const safetensors *file, const char *what);

#endif
