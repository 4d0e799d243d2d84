/* Files that are no text: known by the bytes that each kind begins with. */
#include "kind.h"

#include "data.h"
#include "failure.h"

#include <stdint.h>
#include <string.h>

typedef struct magic {
    const char *bytes;
    size_t length;
    int text; /* the bytes could begin a CSV as well: it must be seen that binary data follow */
    const char *what;
    /* What to do, with the file's name between them; after NULL: without its name. `before` ends with a parenthesis where they
     * are a Python expression, not a command. */
    const char *before, *after;
} magic;

#define PANDAS(reader)      "convert it, with pandas for example: pandas." reader "(", ").to_csv(\"NAME.csv\", index=False)"
#define DECOMPRESS(program) "decompress it first, for example: " program " ", " | cusgd train - ..."

static const magic magics[] = {
    {"\x1F\x8B", 2, 0, "compressed by gzip, and this build of cuSGD has no zlib", DECOMPRESS("gunzip -c")},
    {"BZh", 3, 1, "compressed by bzip2", DECOMPRESS("bunzip2 -c")},
    {"\xFD"
     "7zXZ",
     5, 0, "compressed by xz", DECOMPRESS("xz -dc")},
    {"\x28\xB5\x2F\xFD", 4, 0, "compressed by zstd, and this build of cuSGD has no libzstd", DECOMPRESS("zstd -dc")},
    {"\x04\x22\x4D\x18", 4, 0, "compressed by lz4", DECOMPRESS("lz4 -dc")},
    {"\x1F\x9D", 2, 0, "compressed by compress", DECOMPRESS("uncompress -c")},
    {"7z\xBC\xAF\x27\x1C", 6, 0, "a 7-Zip archive", DECOMPRESS("7z x -so")},
    {"Rar!\x1A", 5, 0, "a RAR archive", DECOMPRESS("unrar p -inul")},
    {"PAR1", 4, 1, "a Parquet file", "convert it: python -m cusgd.convert ", " FOLDER"},
    {"ARROW1", 6, 1, "an Arrow (Feather) file", PANDAS("read_feather")},
    {"FEA1", 4, 1, "a Feather file", PANDAS("read_feather")},
    {"ORC", 3, 1, "an ORC file", PANDAS("read_orc")},
    {"Obj\x01", 4, 0, "an Avro file", "convert it to CSV", NULL},
    {"\x89HDF\r\n\x1A\n", 8, 0, "an HDF5 file", "give it as a file, not by a pipe", NULL},
    {"\x93NUMPY", 6, 0, "a NumPy array (.npy)",
     "give its name the ending .npy, and see the README for folders with x.npy and y.npy", NULL},
    {"SQLite format 3", 15, 1, "an SQLite database", "export a table: sqlite3 -header -csv ",
     " 'select * from TABLE' | cusgd train - ..."},
    {"RDX2\n", 5, 1, "an R data file", "write it from R: write.csv(DATA, \"NAME.csv\", row.names = FALSE)", NULL},
    {"RDX3\n", 5, 1, "an R data file", "write it from R: write.csv(DATA, \"NAME.csv\", row.names = FALSE)", NULL},
    {"<stata_dta>", 11, 1, "a Stata file", PANDAS("read_stata")},
    {"$FL2@", 5, 1, "an SPSS file", PANDAS("read_spss")},
    {"MATLAB 5.0", 10, 1, "a MATLAB file", "save the table from MATLAB: writetable(T, 'NAME.csv')", NULL},
    {"\xD0\xCF\x11\xE0", 4, 0, "an Excel workbook (.xls) or another Office document", "save the sheet as CSV (UTF-8)", NULL},
    {"%PDF-", 5, 0, "a PDF document", "its tables must be exported to CSV", NULL},
    {"\x89PNG", 4, 0, "a PNG image", "data is numbers in CSV or .npy", NULL},
    {"\xFF\xD8\xFF", 3, 0, "a JPEG image", "data is numbers in CSV or .npy", NULL},
    {"\x7F"
     "ELF",
     4, 0, "a program", "data is numbers in CSV or .npy", NULL},
    {"\xFF\xFE\0\0", 4, 0, "encoded in UTF-32", "save it as UTF-8, for example: iconv -f UTF-32 -t UTF-8 ",
     " | cusgd train - ..."},
};

static const magic zips[] = {
    {"xl/", 3, 0, "an Excel workbook (.xlsx, a zip archive)", "save the sheet as CSV (UTF-8)", NULL},
    {"opendocument.spreadsheet", 24, 0, "an OpenDocument spreadsheet (a zip archive)", "save the sheet as CSV (UTF-8)", NULL},
    {"[Content_Types].xml", 19, 0, "an Office document (.xlsx perhaps, a zip archive)", "save the sheet as CSV (UTF-8)", NULL},
    {".npy", 4, 0, "a NumPy archive (.npz)",
     "save its arrays as x.npy and y.npy in a folder, and give the folder: numpy.save(\"DIR/x.npy\", numpy.load(", ")[\"x\"])"},
    {"data.pkl", 8, 0, "a PyTorch file (a zip archive)",
     "models are safetensors files (safetensors.torch.save_file), data is CSV or .npy", NULL},
    {"", 0, 0, "a zip archive", "unpack it first, for example: unzip -p ", " | cusgd train - ..."},
};

static const magic pickle = {"\x80", 1, 0, "a Python pickle", PANDAS("read_pickle")};
static const magic tensors = {"", 0, 0, "a safetensors model", "give it in MODEL's place; data is CSV or .npy", NULL};
static const magic utf16 = {
    "", 0, 0, "encoded in UTF-16", "save it as UTF-8, for example: iconv -f UTF-16 -t UTF-8 ", " | cusgd train - ..."};
static const magic other = {"", 0, 0, "a binary file", "data is text in CSV, or .npy: export it as one of them", NULL};

static cusgd_status fail_kind(const char *source, const magic *m)
{
    char file[QUOTED_BYTES] = "";
    int is_python = m->before[strlen(m->before) - 1] == '(';
    if (m->after) (is_python ? file_for_python : file_for_shell)(source, file);
    return fail(CUSGD_ERROR_DATA, "%s: is %s, not comma-separated values: %s%s%s", source, m->what, m->before, file,
                m->after ? m->after : "");
}

static int begins(const char *sample, size_t count, const magic *m)
{
    return count >= m->length && memcmp(sample, m->bytes, m->length) == 0;
}

/* Bytes that do not stand in text. */
static size_t count_control(const char *sample, size_t count)
{
    size_t control = 0;
    for (size_t i = 0; i < count; i++) {
        unsigned char c = (unsigned char)sample[i];
        control += (c < 32 && c != '\t' && c != '\n' && c != '\r' && c != '\f') || c == 127;
    }
    return control;
}

/* UTF-16, with or without the mark at its beginning: every other byte of plain text is 0. */
static int is_utf16(const char *sample, size_t count)
{
    const unsigned char *s = (const unsigned char *)sample;
    if (count >= 2 && ((s[0] == 0xFF && s[1] == 0xFE) || (s[0] == 0xFE && s[1] == 0xFF))) return 1;
    size_t pairs = count / 2 < 64 ? count / 2 : 64, zeros[2] = {0, 0};
    for (size_t i = 0; i < 2 * pairs; i++) zeros[i % 2] += s[i] == 0;
    return pairs >= 4 && ((zeros[0] == pairs && zeros[1] == 0) || (zeros[1] == pairs && zeros[0] == 0));
}

/* Eight bytes of a length, the lowest first, and a JSON object. */
static int is_safetensors(const char *sample, size_t count)
{
    uint64_t length = 0;
    for (size_t i = 0; i < 8 && count > 9; i++) length |= (uint64_t)(unsigned char)sample[i] << 8 * i;
    return count > 9 && sample[8] == '{' && sample[9] == '"' && length < UINT64_C(1) << 32;
}

static const magic *find_zip(const char *sample, size_t count)
{
    const magic *m = zips;
    while (m->length > 0 && !memmem(sample, count, m->bytes, m->length)) m++;
    return m;
}

cusgd_status kind_check(const char *source, const char *sample, size_t count)
{
    size_t control = count_control(sample, count);
    if (count >= 4 && memcmp(sample, "PK\x03\x04", 4) == 0) return fail_kind(source, find_zip(sample, count));
    for (size_t i = 0; i < sizeof magics / sizeof *magics; i++)
        if (begins(sample, count, &magics[i]) && (!magics[i].text || control > 0)) return fail_kind(source, &magics[i]);
    if (begins(sample, count, &pickle) && count > 1 && sample[1] >= 2 && sample[1] <= 5) return fail_kind(source, &pickle);
    if (is_safetensors(sample, count)) return fail_kind(source, &tensors);
    if (is_utf16(sample, count)) return fail_kind(source, &utf16);
    return control > 8 && (memchr(sample, 0, count) || control > count / 4) ? fail_kind(source, &other) : CUSGD_OK;
}
