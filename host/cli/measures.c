#include "measures.h"

#include "cli.h"

#include <math.h>
#include <string.h>

/* clang-format off */
#define METRIC(name, title) {#name, title, offsetof(measured, metrics.name), 0}
#define RANKING(name, title) {#name, title, offsetof(measured, ranking.name), 0}
#define ORDER(name, title) {#name, title, offsetof(measured, order.name), 0}
#define FOLLOWS(name, title, of, other) {#name, title, offsetof(measured, of.name), offsetof(measured, other)}
/* clang-format on */

const measure measures[] = {{"loss", "LOSS", offsetof(measured, own_loss), 0},
                            METRIC(mse, "MSE"),
                            METRIC(rmse, "RMSE"),
                            METRIC(mae, "MAE"),
                            FOLLOWS(r2, "R2", metrics, metrics.mse),
                            METRIC(explained_variance, NULL),
                            METRIC(max_error, NULL),
                            METRIC(deviance, "DEVIANCE"),
                            FOLLOWS(d2, "D2", metrics, metrics.deviance),
                            ORDER(median_absolute_error, NULL),
                            FOLLOWS(d2_absolute_error, NULL, order, order.median_absolute_error),
                            METRIC(pinball_loss, "PINBALL"),
                            ORDER(d2_pinball, "D2"),
                            METRIC(crossing, NULL),
                            METRIC(log_loss, "LOG LOSS"),
                            METRIC(accuracy, "ACCURACY"),
                            METRIC(balanced_accuracy, NULL),
                            METRIC(precision, NULL),
                            METRIC(recall, NULL),
                            METRIC(f1, "F1"),
                            METRIC(f1_macro, NULL),
                            METRIC(f1_weighted, NULL),
                            METRIC(top3, NULL),
                            METRIC(top5, NULL),
                            RANKING(auc, "AUC"),
                            RANKING(average_precision, NULL),
                            {NULL, NULL, 0, 0}};

static double value_at(const measured *of, size_t offset)
{
    double value;
    memcpy(&value, (const char *)of + offset, sizeof value);
    return value;
}

double measure_value(const measure *m, const measured *of) { return value_at(of, m->offset); }

int measure_applies(const measure *m, const measured *of)
{
    return !isnan(measure_value(m, of)) || (m->follows > 0 && !isnan(value_at(of, m->follows)));
}

int has_classes(const measured *of) { return !isnan(of->metrics.accuracy); }
int has_two_classes(const measured *of) { return !isnan(of->metrics.confusion[0]); }

/* ---- By name ------------------------------------------------------------------------------------------------------------- */

static int is_of_metrics(const measure *m)
{
    return m->offset < offsetof(measured, metrics) + sizeof(cusgd_metrics); /* these come first */
}

/* Returns the usual metrics for a loss. */
static const char *const *standard_of(const cusgd_loss_info *loss)
{
    static const char *const classes[] = {"accuracy", "f1_macro", NULL}, *const probabilities[] = {"log_loss", "accuracy", NULL},
                             *const logs[] = {"deviance", "d2", NULL}, *const numbers[] = {"rmse", "mae", "r2", NULL};
    if (loss->targets == CUSGD_TARGET_CLASS) return loss->link == CUSGD_LINK_IDENTITY ? classes : probabilities;
    return loss->link == CUSGD_LINK_LOG ? logs : numbers;
}

/* Adds a metric if it is not in the list. Returns 0 if there is no metric of this name. */
static int add(const char *name, const measure *at[MEASURES_MOST], int *count)
{
    const measure *m = measures;
    while (m->key && (strcmp(m->key, name) != 0 || !is_of_metrics(m))) m++;
    for (int i = 0; i < *count; i++)
        if (at[i] == m) return 1;
    if (m->key && *count < MEASURES_MOST) at[(*count)++] = m;
    return m->key != NULL;
}

int measures_find(const syntax *s, const char *option, const text_list *names, const char *loss, const measure *at[MEASURES_MOST])
{
    int count = 0;
    for (size_t i = 0; i < names->count; i++) {
        const char *one[] = {names->at[i], NULL};
        int is_standard = strcmp(names->at[i], "standard") == 0;
        for (const char *const *name = is_standard ? standard_of(cusgd_loss_find(loss)) : one; *name; name++) {
            if (add(*name, at, &count)) continue;
            char all[512] = "standard";
            for (const measure *m = measures; m->key; m++)
                if (is_of_metrics(m)) snprintf(all + strlen(all), sizeof all - strlen(all), ", %s", m->key);
            complain_usage(s, "%s: there is no measure \"%s\"; there are %s", option, *name, all);
            return -1;
        }
    }
    return count;
}
