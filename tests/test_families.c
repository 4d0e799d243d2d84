/* The tables of losses, optimizers, schedules and samplings: everything else that knows them by name is made from them. */
#include "options.h"
#include "scalar/losses.h"
#include "scalar/optimizers.h"
#include "scalar/sampling.h"
#include "scalar/schedule.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const cusgd_option_info *info_of(const char *name)
{
    for (size_t i = 0; cusgd_option_at(i); i++)
        if (strcmp(cusgd_option_at(i)->name, name) == 0) return cusgd_option_at(i);
    cr_assert_fail("there is no option %s", name);
    return NULL;
}

static int choice_count(const char *option)
{
    int count = 0;
    while (info_of(option)->choices[count]) count++;
    return count;
}

/* Every choice of the option, in order, is what `name` gives; and all of them joined by | are what the help shows. */
static void assert_choices(const char *option, int count, const char *(*name)(int))
{
    const cusgd_option_info *info = info_of(option);
    char joined[512] = "";
    cr_assert_eq(choice_count(option), count, "%s", option);
    for (int i = 0; i < count; i++) {
        cr_assert_str_eq(info->choices[i], name(i));
        snprintf(joined + strlen(joined), sizeof joined - strlen(joined), "%s%s", i ? "|" : "", name(i));
        for (int j = 0; j < i; j++) cr_assert_str_neq(name(i), name(j));
    }
    cr_assert_str_eq(info->metavar, joined);
}

static const char *loss_at_index(int i) { return cusgd_loss_at((size_t)i)->name; }
static const char *optimizer_at_index(int i) { return optimizer_table[i].name; }
static const char *schedule_at_index(int i) { return schedule_table[i].name; }

Test(families, options_are_made_from_the_tables)
{
    assert_choices("loss", LOSS_COUNT, loss_at_index);
    assert_choices("optimizer", OPTIMIZER_COUNT, optimizer_at_index);
    assert_choices("schedule", SCHEDULE_COUNT, schedule_at_index);
    cr_assert_null(cusgd_loss_at(LOSS_COUNT));
    cr_assert_null(cusgd_loss_find("cauchy"));
    cr_assert_eq(cusgd_loss_find("huber"), cusgd_loss_at(CUSGD_LOSS_HUBER));
}

/* Which options are read by whom, and no other. */
static int is_read(const char *const *names, int count, const char *name)
{
    for (int i = 0; i < count && names[i]; i++)
        if (strcmp(names[i], name) == 0) return 1;
    return 0;
}

Test(families, every_option_that_a_row_reads_is_one)
{
    for (int i = 0; i < LOSS_COUNT; i++)
        if (loss_table[i].info.option) info_of(loss_table[i].info.option);
    for (int i = 0; i < OPTIMIZER_COUNT; i++)
        for (int r = 0; r < MAX_READS && optimizer_table[i].reads[r]; r++) info_of(optimizer_table[i].reads[r]);
    for (int i = 0; i < SCHEDULE_COUNT; i++)
        for (int r = 0; r < MAX_SCHEDULE_READS && schedule_table[i].reads[r]; r++) info_of(schedule_table[i].reads[r]);
}

Test(families, options_without_effect_are_known)
{
    for (int i = 0; i < LOSS_COUNT; i++) {
        static const char *const numbers[] = {"delta", "width", "quantile", "power"};
        cusgd_options o;
        options_init(&o);
        o.loss = (cusgd_loss)i;
        for (int n = 0; n < 4; n++) {
            int reads = loss_table[i].info.option && strcmp(loss_table[i].info.option, numbers[n]) == 0;
            const char *because = cusgd_options_unused(&o, numbers[n]);
            cr_assert(reads ? !because : because && strcmp(because, "loss") == 0, "%s with %s", numbers[n], loss_at_index(i));
        }
    }
    for (int i = 0; i < OPTIMIZER_COUNT; i++) {
        static const char *const numbers[] = {"momentum", "beta1", "beta2", "rho", "epsilon", "centered", "weight-decay"};
        cusgd_options o;
        options_init(&o);
        o.optimizer = (cusgd_optimizer)i;
        for (int n = 0; n < 7; n++)
            cr_assert_eq(cusgd_options_unused(&o, numbers[n]) == NULL, is_read(optimizer_table[i].reads, MAX_READS, numbers[n]),
                         "%s with %s", numbers[n], optimizer_at_index(i));
        cr_assert_null(cusgd_options_unused(&o, "batch"));
        cr_assert_null(cusgd_options_unused(&o, "lr"));
    }
    cusgd_options o;
    options_init(&o);
    o.solver = CUSGD_SOLVER_NEWTON;
    cr_assert_str_eq(cusgd_options_unused(&o, "batch"), "solver");
    cr_assert_str_eq(cusgd_options_unused(&o, "rate"), "solver");
    cr_assert_null(cusgd_options_unused(&o, "l2"));
    o.solver = CUSGD_SOLVER_GD;
    cr_assert_null(cusgd_options_unused(&o, "rate"));
    options_init(&o);
    o.schedule = CUSGD_SCHEDULE_OPTIMAL;
    cr_assert_str_eq(cusgd_options_unused(&o, "rate"), "schedule");
    o.schedule = CUSGD_SCHEDULE_TIME_DECAY;
    cr_assert_null(cusgd_options_unused(&o, "rate"));
    o.t0 = 1;
    cr_assert_str_eq(cusgd_options_unused(&o, "rate"), "t0");
    cr_assert_null(cusgd_options_unused(&o, "nothing"));
}

/* The default that the help states is the one that runs. */
Test(families, numbers_of_losses_have_their_default)
{
    for (int i = 0; i < LOSS_COUNT; i++) {
        const cusgd_loss_info *info = &loss_table[i].info;
        cusgd_options o;
        options_init(&o);
        o.loss = (cusgd_loss)i;
        o.precision = CUSGD_PRECISION_DOUBLE;
        if (info->option) cr_assert_eq(strtod(info_of(info->option)->default_text, NULL), info->option_default);
        cr_assert_eq(loss_rule_of(&o).number, info->option_default);
        loss_number_set(&o, 1.25); /* in every loss's range but a quantile's */
        if (info->option) cr_assert_eq(loss_rule_of(&o).number, 1.25);
    }
}

/* Properties that must go together. */
Test(families, rows_of_losses_are_complete)
{
    for (int i = 0; i < LOSS_COUNT; i++) {
        const loss_info *row = &loss_table[i];
        const cusgd_loss_info *info = &row->info;
        cr_assert(info->name && info->formula && info->hessian_bound > 0 && row->reported > 0, "loss %d", i);
        cr_assert(!isnan(row->derivative_bound) || info->option, "%s: whose number bounds the derivative?", info->name);
        cr_assert(info->smoothness != CUSGD_SMOOTH_NOT || isinf(info->hessian_bound), "%s", info->name);
        cr_assert((info->link == CUSGD_LINK_LOG) ==
                      (info->targets == CUSGD_TARGET_POSITIVE || info->targets == CUSGD_TARGET_NONNEGATIVE),
                  "%s", info->name);
        cr_assert((row->variance_power != 0) == (info->link == CUSGD_LINK_LOG), "%s", info->name);
        cr_assert(!row->may_lack_optimum || info->link != CUSGD_LINK_IDENTITY, "%s", info->name);
    }
}

Test(families, rows_of_optimizers_are_complete)
{
    for (int i = 0; i < OPTIMIZER_COUNT; i++) {
        const optimizer_info *row = &optimizer_table[i];
        cr_assert(row->name && row->epsilon > 0 && (isnan(row->rate) || row->rate > 0), "optimizer %d", i);
        cr_assert((row->weight_decay > 0) == optimizer_decays(i), "%s", row->name);
        cr_assert((row->rho > 0) == is_read(row->reads, MAX_READS, "rho"), "%s", row->name);
        cr_assert(optimizer_slots(i) <= 3 && (!optimizer_has_velocity(i) || optimizer_slots(i) > 0), "%s", row->name);
        cr_assert(!optimizer_looks_ahead(i) || optimizer_has_velocity(i), "%s", row->name);
    }
    cr_assert(optimizer_slots(OPTIMIZER_RMSPROP_CENTERED_MOMENTUM) == 3 && optimizer_looks_ahead(OPTIMIZER_ADAGRAD_NESTEROV));
}

Test(families, rows_of_schedules_and_samplings_are_complete)
{
    for (int i = 0; i < SCHEDULE_COUNT; i++) {
        const schedule_info *row = &schedule_table[i];
        cr_assert(row->name, "schedule %d", i);
        cr_assert_eq(row->decay > 0, is_read(row->reads, MAX_SCHEDULE_READS, "decay"), "%s", row->name);
        cr_assert_eq(row->decays > 0, is_read(row->reads, MAX_SCHEDULE_READS, "decay-every"), "%s", row->name);
        cr_assert_eq(row->decay_power > 0, is_read(row->reads, MAX_SCHEDULE_READS, "decay-power"), "%s", row->name);
        cr_assert_eq(row->warm_up > 0, is_read(row->reads, MAX_SCHEDULE_READS, "warm-up"), "%s", row->name);
        cr_assert_eq(row->has_final_rate, is_read(row->reads, MAX_SCHEDULE_READS, "final-rate"), "%s", row->name);
        cr_assert_eq(row->decay_patience > 0, is_read(row->reads, MAX_SCHEDULE_READS, "decay-patience"), "%s", row->name);
    }
    cr_assert_eq(choice_count("sampling"), SAMPLING_COUNT);
    for (int i = 0; i < choice_count("sampling"); i++)
        cr_assert(!sampling_is_contiguous(i) || (sampling_flags(i) & SAMPLING_IN_BLOCKS), "%s", info_of("sampling")->choices[i]);
}

/* What a new loss touches of the library: its enumerator, its formula, its row; log-cosh stands for one, as nothing is special
 * about it, but that formulas have a function of its values (scalar/expression.h). It is in none of the problems of cusgd check's
 * standard set, and joins that by itself (test_command_check.c). */
Test(families, a_loss_is_known_in_three_files)
{
    static const char *const files[] = {"include/scalar/kinds.h", "include/scalar/loss.h", "include/scalar/losses.h"};
    char line[512];
    FILE *found = popen("cd '" TEST_GOLDEN
                        "/../..' && grep -rliE --exclude=expression.h 'log[-_]cosh' host include kernels | LC_ALL=C sort",
                        "r");
    cr_assert(found);
    size_t count = 0;
    while (fgets(line, sizeof line, found)) {
        line[strcspn(line, "\n")] = '\0';
        cr_assert(count < 3 && strcmp(line, files[count]) == 0, "log-cosh is known in %s", line);
        count++;
    }
    cr_assert_eq(pclose(found), 0);
    cr_assert_eq(count, 3);
}
