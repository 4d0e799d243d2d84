#include "help.h"

#include <stdio.h>
#include <string.h>

enum { WIDTH = 100, HELP_COLUMN = 28 };

/* The library's options in groups: each begins at the option `first` of the table and ends before the next one's. */
typedef struct section {
    const char *word, *heading, *first;
} section;

static const section own = {"run", "Options of this command alone", NULL}, reading = {"data", "How data is read", NULL};
static const section sections[] = {
    {"loss", "Loss", "loss"},
    {"method", "Solver, optimizer and learning rate", "solver"},
    {"steps", "Minibatches and epochs", "batch"},
    {"model", "Penalties, bounds and the form of the model", "l1"},
    {"stopping", "Validation and when a run ends", "valid-fraction"},
    {"device", "Device, precision and seed", "seed"},
};
enum { SECTIONS = sizeof sections / sizeof sections[0] };

help_entry help_of_argument(const argument *a)
{
    return (help_entry){a->letter, a->name, a->metavar, a->default_text, a->help, NULL};
}

help_entry help_of_option(const cusgd_option_info *option)
{
    return (help_entry){0, option->name, option->metavar, option->default_text, option->help, option->alias};
}

/* ---- One line ------------------------------------------------------------------------------------------------------------ */

/* Puts an argument from `column` on; one of many words goes on in the next line after a |. Returns the column it ends at. */
static int put_argument(const char *words, int column)
{
    int start = column + 1;
    column += printf(" ");
    while (*words) {
        int word = (int)strcspn(words, "|");
        word += words[word] == '|';
        if (column + word > WIDTH && column > start) column = printf("\n%*s", start, "") - 1;
        column += printf("%.*s", word, words);
        words += word;
    }
    return column;
}

static void put_line(help_entry e)
{
    int length = printf("  ");
    if (e.letter) length += printf("-%c, ", e.letter);
    length += printf("--%s", e.name);
    if (e.alias) length += printf(", --%s", e.alias);
    if (e.metavar) length = put_argument(e.metavar, length);
    size_t rest = 2 + strlen(e.help) + (e.default_text ? strlen(e.default_text) + 3 : 0);
    if (length > HELP_COLUMN && (size_t)length + rest > WIDTH) {
        putchar('\n');
        length = 0;
    }
    printf("%*s  %s", length < HELP_COLUMN ? HELP_COLUMN - length : 0, "", e.help);
    if (e.default_text) printf(" [%s]", e.default_text);
    putchar('\n');
}

/* ---- Groups -------------------------------------------------------------------------------------------------------------- */

/* With `usual`, only the arguments that it names. */
static int is_listed(const char *const *usual, const char *name)
{
    for (; usual && *usual; usual++)
        if (strcmp(*usual, name) == 0) return 1;
    return usual == NULL;
}

static void put_table(const syntax *s, size_t group, const char *const *usual)
{
    for (size_t i = 0; i < s->groups[group].count; i++) {
        const argument *a = &s->groups[group].at[i];
        if (is_listed(usual, a->name)) put_line(help_of_argument(a));
    }
}

/* Whether the command has an argument of this name, which it takes for its own. */
static int is_own(const syntax *s, const char *name)
{
    for (size_t g = 0; g < 2; g++)
        for (size_t i = 0; i < s->groups[g].count; i++)
            if (strcmp(s->groups[g].at[i].name, name) == 0) return 1;
    return 0;
}

/* Lists the library's options from the section's first to the next one's; of a section without a first one all. Returns how many
 * there are that the command reads. puts: 0 where they are only counted. */
static int list_options(const syntax *s, const section *of, const char *const *usual, int puts)
{
    int inside = of->first == NULL, count = 0;
    const cusgd_option_info *option;
    for (size_t i = 0; (option = cusgd_option_at(i)) != NULL; i++) {
        for (int k = 0; of->first && k < SECTIONS; k++)
            if (strcmp(sections[k].first, option->name) == 0) inside = &sections[k] == of;
        if (!inside || !is_listed(usual, option->name) || is_own(s, option->name) || (s->reads && !s->reads(option->name)))
            continue;
        if (puts) put_line(help_of_option(option));
        count++;
    }
    return count;
}

/* Everything under its headings, or the one group of that word. Returns how many groups were printed. */
static int put_sections(const syntax *s, const char *word)
{
    int all = strcmp(word, "all") == 0, count = 0;
    for (size_t g = 0; g < 2; g++) {
        const section *of = g == 0 ? &own : &reading;
        if (s->groups[g].count == 0 || (!all && strcmp(word, of->word) != 0)) continue;
        printf("%s:\n", of->heading);
        put_table(s, g, NULL);
        count++;
    }
    for (int k = 0; k < SECTIONS; k++) {
        if ((!all && strcmp(word, sections[k].word) != 0) || list_options(s, &sections[k], NULL, 0) == 0) continue;
        printf("%s:\n", sections[k].heading);
        list_options(s, &sections[k], NULL, 1);
        count++;
    }
    return count;
}

static void put_usual(const syntax *s)
{
    static const section everything = {0};
    put_table(s, 0, NULL);
    put_table(s, 1, s->usual);
    list_options(s, &everything, s->usual, 1);
    printf("'cusgd %s --help GROUP' lists a group of options:\n  %-10s everything\n", s->word, "all");
    for (size_t g = 0; g < 2; g++)
        if (s->groups[g].count > 0) printf("  %-10s %s\n", (g == 0 ? own : reading).word, (g == 0 ? own : reading).heading);
    for (int k = 0; k < SECTIONS; k++)
        if (list_options(s, &sections[k], NULL, 0) > 0) printf("  %-10s %s\n", sections[k].word, sections[k].heading);
}

void help_put(const syntax *s, const char *topic)
{
    if (s->options && put_sections(s, topic) > 0) return;
    printf("usage: cusgd %s%s%s\n%s\n", s->word, *s->operands ? " " : "", s->operands, s->summary);
    if (s->options) {
        put_usual(s);
    } else {
        put_table(s, 0, NULL);
        put_table(s, 1, NULL);
    }
    printf("example: %s\n", s->example);
}
