/* Files that are no CSV: each is named for what it is, and the message says what to do. */
#include "tables.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(kinds, .init = folder_setup, .fini = folder_teardown);

#define BYTES(text) text, sizeof text - 1

/* What is said of compressed bytes by a build that decompresses them, and by one that does not. */
#ifdef HAVE_ZLIB
#define OF_GZIP(message) message
#else
#define OF_GZIP(message) "compressed by gzip, and this build of cuSGD has no zlib"
#endif
#ifdef HAVE_ZSTD
#define OF_ZSTD(message) message
#else
#define OF_ZSTD(message) "compressed by zstd, and this build of cuSGD has no libzstd"
#endif

Test(kinds, files_that_are_no_text)
{
    static const struct {
        const char *bytes;
        size_t count;
        const char *message;
    } cases[] = {
        {BYTES("\x1F\x8B\x08\0\0\0\0\0\2\3K"), OF_GZIP("data.csv: its compressed data ends early")},
        {BYTES("\x1F\x8B\x09\0\0\0\0\0\2\3K"), OF_GZIP("data.csv: its compressed data is damaged: gzip cannot decompress it")},
        {BYTES("BZh91AY&SY\x01\x02"), "compressed by bzip2"},
        {BYTES(("\xFD"
                "7zXZ\0\0\4")),
         "compressed by xz"},
        {BYTES("\x28\xB5\x2F\xFD\x04"), OF_ZSTD("its compressed data ends early")},
        {BYTES("\x28\xB5\x2F\xFD\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"),
         OF_ZSTD("its compressed data is damaged: zstd")},
        {BYTES("PK\3\4\x14\0\6\0\x08\0\0\0xl/workbook.xml"), "an Excel workbook"},
        {BYTES("PK\3\4\x14\0\0\0x.npy\x93NUMPY"), "a NumPy archive (.npz)"},
        {BYTES("PK\3\4\x14\0\0\0data.csv"), "a zip archive, not comma-separated values: unpack it first, for example: unzip -p"},
        {BYTES("PK\3\4\x14\0\0\0archive/data.pkl"), "a PyTorch file"},
        {BYTES("\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1\0\0"), "an Excel workbook (.xls)"},
        {BYTES("PAR1\x15\4\x15"), "a Parquet file"},
        {BYTES("ARROW1\0\0\xFF\xFF"), "an Arrow (Feather) file"},
        {BYTES("\x89HDF\r\n\x1A\n\0"), "an HDF5 file"},
        {BYTES("\x80\4\x95\x0B\0\0\0"), "a Python pickle"},
        {BYTES("\x14\0\0\0\0\0\0\0{\"weight\":1}"), "a safetensors model"},
        {BYTES("SQLite format 3\0\x10\0"), "an SQLite database"},
        {BYTES("\xFF\xFE\x61\0,\0b\0\n\0"), "encoded in UTF-16"},
        {BYTES("\xFE\xFF\0a\0,\0b\0\n"), "encoded in UTF-16"},
        {BYTES("a\0,\0b\0\n\0"
               "1\0,\0"
               "2\0\n\0"),
         "encoded in UTF-16"},
        {BYTES("\0a\0,\0b\0\n\0"
               "1\0,\0"
               "2\0\n"),
         "encoded in UTF-16"},
        {BYTES("%PDF-1.4\n"), "a PDF document"},
        {BYTES("\1\2\3\4\5\6\7\x0E\x0F\x10\x11\x12"), "a binary file"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cusgd_data *data;
        cusgd_table *table;
        const char *path = file_bytes("data.csv", cases[i].bytes, cases[i].count);
        assert_fails(cusgd_data_open(path, NULL, &data), CUSGD_ERROR_DATA, cases[i].message);
        assert_fails(cusgd_table_open(path, NULL, &table), CUSGD_ERROR_DATA, cases[i].message);
        cr_assert_null(table);
    }
    /* Names that such files begin with are names in a table. */
    cusgd_data *data = open_text("PAR1,BZh,y\n1,2,3\n4,5,6\n", NULL);
    cr_assert_str_eq(cusgd_data_feature(data, 0), "PAR1");
    cusgd_data_free(data);
    /* Another ending: the kind is named all the same, and text is a table. */
    assert_fails(cusgd_data_open(file_bytes("data.xlsx", "PK\3\4\x14\0\6\0\x08\0\0\0xl/workbook.xml", 28), NULL, &data),
                 CUSGD_ERROR_DATA, "an Excel workbook");
    assert_works(cusgd_data_open(file_text("data.txt", "a,b\n1,2\n"), NULL, &data));
    cusgd_data_free(data);
}

Test(kinds, text_that_is_no_csv)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"1 1:0.5 2:3\n0 1:0.2 3:4\n", "in LIBSVM's format"},
        {"-1 1:0.43 3:0.12 # text\n+1 2:.3\n", "in LIBSVM's format"},
        {"3 qid:1 1:1 2:1\n2 qid:1 1:0\n", "in LIBSVM's format"},
        {"1 |f a:1 b:2\n-1 |f a:2\n", "in Vowpal Wabbit's format"},
        {"| price:.23 sqft:.25\n1 | price:.18\n", "in Vowpal Wabbit's format"},
        {"0 1.0 'tag|f a:1 b\n1 |f a:2\n", "in Vowpal Wabbit's format"},
        {"% comment\n% more\n1,2,3\n",
         "the first line is a comment, where the columns' names or values are expected: remove such "
         "lines, or pass over them (--skip 2)"},
        {"% comment\n1,2,3\n", "the first line is a comment"},
        {"@relation x\n@attribute a numeric\n@data\n1,2,3\n", "an ARFF file"},
        {"% about\n@RELATION x\n\n@ATTRIBUTE a {x,y}\n", "an ARFF file"},
        {"<!DOCTYPE html>\n<html><head><title>404, not found</title>\n", "an HTML page"},
        {"\n<html>\n", "an HTML page"},
        {"<?xml version=\"1.0\"?>\n<a>1,2</a>\n", "XML"},
        {"[{\"a\":1,\"b\":2},\n{\"a\":2,\"b\":3}]\n", "JSON"},
        {"{\n  \"a\": [1,2],\n \"b\": [2,3]\n}\n", "JSON"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) assert_refused(cases[i].text, NULL, cases[i].message);
}

/* Tables of commas whose text could be mistaken keep their own message. */
Test(kinds, csv_that_is_not_mistaken)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"a,note,y\n1,x;z,2\n2,y;w,3\n", "column 'note' holds text"},
        {"a,genre,y\n1,Action|Drama,2\n2,Comedy|Drama,3\n", "column 'genre' holds text"},
        {"a,name,y\n1,Bob Smith,2\n2,Al Jones,3\n", "column 'name' holds text"},
        {"1,x;2,3\n2,y;3,4\n", "column 2 holds text"},
        {"1,Main St 2,3\n2,Oak St 3,4\n", "column 2 holds text"},
        {"a,b,y\n1,1:2,3\n2,1:3,5\n", "column 'b' holds text"},
        {"# a,b,y\n1,2,3\n2,,5\n", "column 'b' has no value"},
        {"a,b,y\n1,{\"k\": 1},3\n", "data.csv:2:2: a quote inside"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) assert_refused(cases[i].text, NULL, cases[i].message);
    /* One column is a table too, where prediction needs no more. */
    cusgd_reader reader = CUSGD_INIT(cusgd_reader);
    reader.roles.x_only = 1;
    cusgd_data *data = open_text("total bill\n1\n2\n", &reader);
    cr_assert_str_eq(cusgd_data_feature(data, 0), "total bill");
    cusgd_data_free(data);
}
