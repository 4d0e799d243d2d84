#include "progress.h"

#include "cli.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* Cuts the history after the lines of the first `epochs` epochs, because a resumed run repeats the others. */
static int cut_history(FILE *history, int64_t epochs)
{
    static const char begins[] = "{\"epoch\": ";
    const size_t before = sizeof begins - 1;
    char *line = NULL;
    size_t room = 0;
    long end = 0;
    for (ssize_t length; (length = getline(&line, &room, history)) > 0; end += length)
        if (line[length - 1] != '\n' || strncmp(line, begins, before) != 0 || strtoll(line + before, NULL, 10) > epochs) break;
    free(line);
    return fflush(history) == 0 && ftruncate(fileno(history), end) == 0 && fseek(history, end, SEEK_SET) == 0;
}

int progress_open(progress *p, int quiet, const char *history_path, int64_t resumed)
{
    const char *term = getenv("TERM");
    *p = (progress){.quiet = quiet,
                    .terminal = isatty(STDERR_FILENO) && term && strcmp(term, "dumb") != 0,
                    .shown = -1,
                    .before = CUSGD_INIT(cusgd_stream_times),
                    .history_path = history_path};
    if (!history_path) return CUSGD_OK;
    p->history = resumed >= 0 ? fopen(history_path, "r+") : NULL;
    int is_cut = p->history ? cut_history(p->history, resumed) : 1;
    if (!p->history) p->history = fopen(history_path, "w");
    if (!p->history || !is_cut)
        return complain(CUSGD_ERROR_DATA, "--history %s: %s: give a file in a folder that can be written to", history_path,
                        strerror(errno));
    return CUSGD_OK;
}

/* ---- Lines --------------------------------------------------------------------------------------------------------------- */

static void put_duration(char *text, size_t size, double seconds)
{
    if (seconds < 60)
        snprintf(text, size, "%.0f s", ceil(seconds));
    else if (seconds < 3600)
        snprintf(text, size, "%.0f min %.0f s", floor(seconds / 60), fmod(seconds, 60));
    else
        snprintf(text, size, "%.0f h %.0f min", floor(seconds / 3600), fmod(seconds, 3600) / 60);
}

static int terminal_width(void)
{
    struct winsize size;
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

/* A log of a run of 1000 epochs has 28 lines: each of the first ten, then each tenth of the first hundred, and so on. */
static int is_logged(int64_t epoch)
{
    int64_t step = 1;
    while (epoch / step >= 10) step *= 10;
    return epoch % step == 0;
}

/* Writes, for streamed rows, what has waited since the previous line. */
static void put_stages(progress *p, char *text, size_t size)
{
    cusgd_stream_times now = CUSGD_INIT(cusgd_stream_times), *was = &p->before;
    if (!cusgd_trainer_stream_times(p->validation.trainer, &now)) return;
    double read = now.read_bytes - was->read_bytes, taken = read + now.present_bytes - was->present_bytes;
    double waited = now.wait_seconds - was->wait_seconds, computed = now.compute_seconds - was->compute_seconds;
    double all = waited + computed + now.copy_seconds - was->copy_seconds;
    int length = snprintf(text, size, "  computing %.3g GB/s", gigabytes_per_second(taken, computed));
    if (read > 0 && length > 0 && (size_t)length < size)
        snprintf(text + length, size - (size_t)length, "  reading %.3g GB/s  waiting %.0f %%",
                 gigabytes_per_second(read, now.read_seconds - was->read_seconds), all > 0 ? 100 * waited / all : 0);
    *was = now;
}

static void show(progress *p, const cusgd_progress *now)
{
    char line[384], valid[48] = "", left[64] = "", speed[64] = "", stages[96] = "";
    int last = now->epoch == now->epochs;
    if (p->terminal ? !last && p->shown >= 0 && now->seconds - p->shown < 0.1 : !last && !is_logged(now->epoch)) return;
    if (isfinite(now->valid_loss)) snprintf(valid, sizeof valid, "  valid_loss %.6g", now->valid_loss);
    if (p->terminal && !last && isfinite(now->seconds_left)) {
        char duration[48];
        put_duration(duration, sizeof duration, now->seconds_left);
        snprintf(left, sizeof left, "  %s left", duration);
    }
    if (!p->iterations)
        snprintf(speed, sizeof speed, "  rate %.4g  %.3g rows/s", now->rate, now->rows_per_second);
    else if (now->rate > 0) /* of gd, or of a line search */
        snprintf(speed, sizeof speed, "  rate %.4g", now->rate);
    put_stages(p, stages, sizeof stages);
    snprintf(line, sizeof line, "%s %lld/%lld  loss %.6g%s%s%s%s", p->iterations ? "iteration" : "epoch", (long long)now->epoch,
             (long long)now->epochs, now->loss, valid, speed, left, stages);
    if (!p->terminal) {
        fprintf(stderr, "%s\n", line);
        return;
    }
    fprintf(stderr, "\r%.*s\033[K", terminal_width() - 1, line); /* a line that wrapped could not be rewritten */
    p->line_is_open = 1;
    p->shown = now->seconds;
}

void progress_end_line(progress *p)
{
    if (p->line_is_open) fputc('\n', stderr);
    p->line_is_open = 0;
}

/* ---- History ------------------------------------------------------------------------------------------------------------- */

int history_check(history_choice *h, const syntax *s, const char *valid_path)
{
    char loss[CUSGD_OPTION_TEXT];
    if (h->names.count && (!h->path || !valid_path))
        return complain_usage(s, "--history-metrics are measures of --valid in the file --history: give both");
    cusgd_options_get(s->options, "loss", loss);
    h->count = measures_find(s, "--history-metrics", &h->names, loss, h->at);
    return h->count < 0 ? CUSGD_ERROR_USAGE : CUSGD_OK;
}

/* Abandons a history that cannot be written: the run continues, and its exit code reports the failure. */
static void give_up_history(progress *p)
{
    int error = errno;
    progress_end_line(p);
    complain(CUSGD_ERROR_DATA, "--history %s: %s; the run goes on without it", p->history_path, strerror(error));
    p->history_failed = 1;
}

/* Writes the metrics, unless the loss of the epoch was not computed. */
static void record_measures(const validation *v, FILE *history, int is_evaluated)
{
    measured found = {.metrics = CUSGD_INIT(cusgd_metrics)};
    int count = v->measures ? v->measures->count : 0;
    if (count == 0) return;
    int known = is_evaluated && cusgd_trainer_evaluate(v->trainer, v->data, -1, &found.metrics) == CUSGD_OK;
    for (int i = 0; i < count; i++) {
        fprintf(history, ", \"valid_%s\": ", v->measures->at[i]->key);
        put_json_number(history, known ? measure_value(v->measures->at[i], &found) : (double)NAN);
    }
}

/* Writes the times of streamed rows. */
static void record_stages(const cusgd_trainer *trainer, FILE *history)
{
    cusgd_stream_times t = CUSGD_INIT(cusgd_stream_times);
    if (!cusgd_trainer_stream_times(trainer, &t)) return;
    const struct {
        const char *key;
        double value;
    } numbers[] = {{"read_bytes", t.read_bytes},     {"present_bytes", t.present_bytes}, {"read_seconds", t.read_seconds},
                   {"wait_seconds", t.wait_seconds}, {"copy_seconds", t.copy_seconds},   {"compute_seconds", t.compute_seconds}};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        fprintf(history, ", \"%s\": ", numbers[i].key);
        put_json_number(history, numbers[i].value);
    }
}

/* One JSON object a line, which reaches the file at once: a run that is killed keeps its history. */
static void record(progress *p, const cusgd_progress *now)
{
    const struct {
        const char *key;
        double value;
    } numbers[] = {{"loss", now->loss},
                   {"valid_loss", now->valid_loss},
                   {"rate", now->rate},
                   {"seconds", now->seconds},
                   {"rows_per_second", now->rows_per_second}};
    fprintf(p->history, "{\"epoch\": %lld, \"step\": %lld", (long long)now->epoch, (long long)now->step);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        fprintf(p->history, ", \"%s\": ", numbers[i].key);
        put_json_number(p->history, numbers[i].value);
    }
    record_stages(p->validation.trainer, p->history);
    record_measures(&p->validation, p->history, isfinite(now->valid_loss));
    fputs("}\n", p->history);
    if (fflush(p->history) == 0 && !ferror(p->history)) return;
    give_up_history(p);
    fclose(p->history);
    p->history = NULL;
}

void progress_epoch(progress *p, const cusgd_progress *now)
{
    if (!p->quiet) show(p, now);
    if (p->history) record(p, now);
    if (p->plots) loss_curve_add(&p->curve, now);
}

void progress_plot(const progress *p)
{
    int width = p->terminal ? terminal_width() : 80;
    if (p->plots) loss_curve_draw(&p->curve, width, stderr);
}

int progress_close(progress *p)
{
    if (p->history && fclose(p->history) != 0) give_up_history(p);
    p->history = NULL;
    loss_curve_free(&p->curve);
    return p->history_failed ? CUSGD_ERROR_DATA : CUSGD_OK;
}
