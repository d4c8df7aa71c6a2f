/* SPDX-License-Identifier: MIT */
/* Mappings: what each rule makes of messages, and how it fails. JSON is written with ' for ". */
#include "check.h"
#include "mapping_support.h"

struct row {
    const char *rules, *message, *result;
};

static void check_rows(const struct row *rows, size_t count,
                       struct outcome (*map_with)(const char *, const char *))
{
    for (size_t i = 0; i < count; i++) {
        struct outcome outcome = map_with(rows[i].rules, rows[i].message);
        CHECK_EQ_TEXT(text_string(&outcome.errors), "");
        CHECK_EQ_TEXT(text_string(&outcome.result), rows[i].result);
    }
}

#define CHECK_ROWS(rows, map_with) check_rows(rows, sizeof rows / sizeof rows[0], map_with)

static void test_paths_are_json_pointers(void)
{
    static const struct row rows[] = {
        {"{'rule':'copy','from':'/a~1b','to':'/c~0d'}", "{'a/b':1}", "{'c~d':1}"},
        {"{'rule':'copy','from':'/~01','to':'/x'}", "{'~1':1}", "{'x':1}"},
        {"{'rule':'copy','from':'/','to':'/x'}", "{'':1}", "{'x':1}"},
        {"{'rule':'copy','from':'','to':'/x'}", "{'a':1}", "{'x':{'a':1}}"},
        {"{'rule':'copy','from':'/l/1','to':'/x'}", "{'l':[1,2]}", "{'x':2}"},
        {"{'rule':'copy','from':'/l/01','to':'/x'}", "{'l':[1,2]}", "{}"},
        {"{'rule':'copy','from':'/l/2','to':'/x'}", "{'l':[1,2]}", "{}"},
        {"{'rule':'copy','from':'/l/-','to':'/x'}", "{'l':[1,2]}", "{}"},
        {"{'rule':'copy','from':'/o/0','to':'/x'}", "{'o':{'0':1}}", "{'x':1}"},
        {"{'rule':'copy','from':'/a','to':'/x/0/y'}", "{'a':1}", "{'x':[{'y':1}]}"},
        {"{'rule':'copy','from':'/a','to':'/x/-'},{'rule':'copy','from':'/a','to':'/x/-'}",
         "{'a':1}", "{'x':[1,1]}"},
        {"{'rule':'copy','from':'/a','to':'/x/1'}", "{'a':1}", "{'x':{'1':1}}"},
        {"{'rule':'copy','from':'/a','to':''}", "{'a':[1]}", "[1]"},
        {"{'rule':'copy','from':'/A','to':'/x'}", "{'a':1}", "{}"},
        {"{'rule':'copy','from':'/a','to':'/b'},{'rule':'copy','from':'result:/b','to':'/c'}",
         "{'a':1,'b':2}", "{'b':1,'c':1}"},
    };
    CHECK_ROWS(rows, map_rules);
}

static void test_copy(void)
{
    static const struct row rows[] = {
        {"{'rule':'copy','from':'/a','to':'/x'}", "{'a':{'b':[1,null,'t']}}",
         "{'x':{'b':[1,null,'t']}}"},
        {"{'rule':'copy','from':'/b','to':'/x'}", "{'a':1}", "{}"},
        {"{'rule':'copy','from':'/b','to':'/x','default':[1]}", "{'a':1}", "{'x':[1]}"},
        {"{'rule':'copy','from':['/a','/b','/c'],'to':'/x'}", "{'a':'','b':null,'c':1}", "{'x':1}"},
        {"{'rule':'copy','from':['/a','/b'],'to':'/x'}", "{'a':[],'b':{}}", "{}"},
        {"{'rule':'copy','from':['/b','/a'],'to':'/x','keep_empty':true}", "{'a':''}", "{'x':''}"},
        {"{'rule':'copy','from':'/a','to':'/x','keep_empty':true}", "{'a':null}", "{'x':null}"},
        {"{'rule':'copy','from':['/a','/b'],'to':'/x','as':'text'}", "{'a':{'c':1},'b':false}",
         "{'x':'false'}"},
        {"{'rule':'copy','from':'/a','to':'/x','as':'text'}", "{'a':48213377120455}",
         "{'x':'48213377120455'}"},
        {"{'rule':'copy','from':'/a','to':'/x','as':'number'}", "{'a':'-1.50e1'}", "{'x':-15}"},
        {"{'rule':'copy','from':'/a','to':'/x','as':'number'}", "{'a':'123456789012345'}",
         "{'x':123456789012345}"}, /* MAPPING_DIGITS_MAX */
        {"{'rule':'copy','from':'/a','to':'/x','as':'integer'}", "{'a':'0042'}", "{'x':42}"},
        {"{'rule':'copy','from':'/a','to':'/x','as':'boolean'}", "{'a':'Y'}", "{'x':true}"},
        {"{'rule':'copy','from':'/a','to':'/x','as':'boolean'}", "{'a':0}", "{'x':false}"},
        {"{'rule':'copy','from':'/a','to':'/x','length_max':3}", "{'a':'abcd'}", "{'x':'abc'}"},
        {"{'rule':'copy','from':'/a','to':'/x','length_max':3}", "{'a':'abc'}", "{'x':'abc'}"},
        {"{'rule':'copy','from':'/a','to':'/x','length_max':3}",
         "{'a':'a\xF0\x9F\x98\x80\xF0\x9F\x98\x80'}", "{'x':'a\xF0\x9F\x98\x80'}"},
        {"{'rule':'copy','from':'/a','to':'/x'},{'rule':'copy','from':'/b','to':'/x'}",
         "{'a':1,'b':2}", "{'x':2}"},
    };
    CHECK_ROWS(rows, map_rules);
}

static void test_constant_and_default(void)
{
    static const struct row rows[] = {
        {"{'rule':'constant','value':{'a':[1]},'to':'/x'}", "{}", "{'x':{'a':[1]}}"},
        {"{'rule':'constant','value':null,'to':'/x'}", "{}", "{'x':null}"},
        {"{'rule':'default','value':1,'to':'/x'},{'rule':'default','value':2,'to':'/x'}", "{}",
         "{'x':1}"},
        {"{'rule':'constant','value':'','to':'/x'},{'rule':'default','value':2,'to':'/x'}", "{}",
         "{'x':2}"},
        {"{'rule':'constant','value':false,'to':'/x'},{'rule':'default','value':true,'to':'/x'}",
         "{}", "{'x':false}"},
        {"{'rule':'constant','value':null,'to':'/x'},{'rule':'constant','value':1,'to':'/x/y'}",
         "{}", "{'x':{'y':1}}"},
    };
    CHECK_ROWS(rows, map_rules);
}

static void test_concatenate(void)
{
    static const struct row rows[] = {
        {"{'rule':'concatenate','parts':['<',{'from':'/a'},'-',{'from':'/n'},'>'],'to':'/x'}",
         "{'a':'t','n':7}", "{'x':'<t-7>'}"},
        {"{'rule':'concatenate','parts':['<',{'from':'/a'}],'to':'/x'}", "{}", "{}"},
        {"{'rule':'concatenate','parts':['<',{'from':'/a'}],'default':'none','to':'/x'}", "{}",
         "{'x':'none'}"},
        {"{'rule':'concatenate','parts':['<',{'from':['/a','/b'],'default':'?'}],'to':'/x'}", "{}",
         "{'x':'<?'}"},
        {"{'rule':'concatenate','parts':[{'from':'/a'},'cd'],'length_max':3,'to':'/x'}",
         "{'a':'ab'}", "{'x':'abc'}"},
    };
    CHECK_ROWS(rows, map_rules);
}

#define DATE(more) "{'rule':'date','from':'/d','to':'/x'," more "}"

static void test_date(void)
{
    static const struct row rows[] = {
        {DATE("'write':'DD.MM.YYYY'"), "{'d':'2026-02-28'}", "{'x':'28.02.2026'}"},
        {DATE("'write':'YYYY-MM-DD-HH.MI.SS'"), "{'d':'2026-02-28T03:04:05Z'}",
         "{'x':'2026-02-28-03.04.05'}"},
        {DATE("'write':'YYYY-MM-DDTHH:MI:SS.FFFZZZ'"), "{'d':'2024-02-29 03:04:05,0129+0530'}",
         "{'x':'2024-02-29T03:04:05.012+05:30'}"},
        {DATE("'read':'DD/MM/YYYY HHMI','write':'YYYYMMDDTHHMISS'"), "{'d':'31/12/2025 2359'}",
         "{'x':'20251231T235900'}"},
        {DATE("'write':'YYYY-MM-DDTHH:MIZZZ','to_utc':true"), "{'d':'2025-12-31T23:30-01:00'}",
         "{'x':'2026-01-01T00:30Z'}"},
        {DATE("'write':'YYYY-MM-DDTHH:MIZZZ','to_utc':true"), "{'d':'2024-03-01T00:30+01:00'}",
         "{'x':'2024-02-29T23:30Z'}"},
        {DATE("'read':'YYYYMMDD','write':'YYYY-MM-DD'"), "{'d':20260102}", "{'x':'2026-01-02'}"},
        {DATE("'write':'YYYY','default':'never'"), "{'d':''}", "{'x':'never'}"},
    };
    CHECK_ROWS(rows, map_rules);
}

static void test_dates_that_are_none(void)
{
    static const struct {
        const char *more, *date, *error;
    } rows[] = {
        {"'write':'YYYY'", "2026-02-29", "\"2026-02-29\" is no date of the form YYYY-MM-DD or"},
        {"'write':'YYYY'", "2100-02-29", "is no date"},
        {"'write':'YYYY'", "2026-13-01", "is no date"},
        {"'write':'YYYY'", "2026-00-01", "is no date"},
        {"'write':'YYYY'", "2026-01-00", "is no date"},
        {"'write':'YYYY'", "2026-01-01T24:00", "is no date"},
        {"'write':'YYYY'", "2026-01-01T23:60", "is no date"},
        {"'write':'YYYY'", "2026-01-01x", "is no date"},
        {"'write':'YYYY'", "2026-01-01T10:00:00.", "is no date"},
        {"'write':'YYYY'", "2026-01-01T10:00:00+14:01", "is no date"},
        {"'read':'DD.MM.YYYY','write':'YYYY'", "1.2.2026", "of the form DD.MM.YYYY"},
        {"'write':'YYYYZZZ'", "2026-01-01T10:00:00", "has no time zone"},
        {"'write':'YYYY','to_utc':true", "2026-01-01", "has no time zone"},
        {"'write':'YYYY','to_utc':true", "0000-01-01T00:00+01:00", "outside of the years"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct text rule = {0}, message = {0};
        text_add_format(&rule, "{'rule':'date','from':'/d','to':'/x',%s}", rows[i].more);
        text_add_format(&message, "{'d':'%s'}", rows[i].date);
        struct outcome outcome = map_rules(text_string(&rule), text_string(&message));
        CHECK_CONTAINS(text_string(&outcome.errors), "rule 1 (date): /d: \"");
        CHECK_CONTAINS(text_string(&outcome.errors), rows[i].error);
        CHECK_EQ_INT(outcome.failure, MAPPING_FAILED_MESSAGE);
    }
}

static void test_lookup(void)
{
    static const struct row rows[] = {
        {"{'rule':'lookup','lookup':'Codes','property':'A','to':'/x'}", "{}", "{'x':'first'}"},
        {"{'rule':'lookup','lookup':'Codes','property':['B','A'],'to':'/x'}", "{}",
         "{'x':'first'}"},
        {"{'rule':'lookup','lookup':'Codes','property':'n','as':'integer','to':'/x'}", "{}",
         "{'x':42}"},
        {"{'rule':'lookup','lookup':'Codes','property':'B','default':5,'to':'/x'}", "{}",
         "{'x':5}"},
        {"{'rule':'lookup','lookup':'Other','property':'A','to':'/x'}", "{}", "{}"},
        {"{'rule':'lookup','lookup':'Codes','property_from':'/code','to':'/x'}", "{'code':'A'}",
         "{'x':'first'}"},
        {"{'rule':'lookup','lookup':'Codes','property_from':'/code','default':'?','to':'/x'}",
         "{'code':'Z'}", "{'x':'?'}"},
    };
    CHECK_ROWS(rows, map_rules);
}

static void test_lookup_that_has_no_usable_value(void)
{
    struct outcome outcome = map_rules(
        "{'rule':'lookup','lookup':'Codes','property':'A','as':'integer','to':'/x'}", "{}");
    CHECK_EQ_TEXT(text_string(&outcome.errors),
                  "rule 1 (lookup): Codes: the property A: \"first\" is not a whole number from "
                  "-2147483647 to 2147483647\n");
    CHECK_EQ_INT(outcome.failure, MAPPING_FAILED_LOOKUP);
    outcome = map_rules(
        "{'rule':'lookup','lookup':'Codes','property':'B','required':true,'to':'/x'}", "{}");
    CHECK_EQ_TEXT(text_string(&outcome.errors),
                  "rule 1 (lookup): Codes: the property B has no value, and the rule requires "
                  "one\n");
    CHECK_EQ_INT(outcome.failure, MAPPING_FAILED_LOOKUP);
}

static void test_lookup_is_asked_once(void)
{
    struct outcome outcome =
        map_rules("{'rule':'repeat','from':'/l','to':'/l','rules':[{'rule':'lookup','lookup':"
                  "'Codes','property':'A','to':'/x'},{'rule':'lookup','lookup':'Codes',"
                  "'property':'B','to':'/y'}]}", "{'l':[1,2,3,4]}");
    CHECK_CONTAINS(text_string(&outcome.result), "'x':'first'");
    CHECK_EQ_INT(outcome.asked, 2);
}

static void test_remove_and_rename(void)
{
    static const struct row rows[] = {
        {"{'rule':'remove','at':'/a'}", "{'a':1,'b':2}", "{'b':2}"},
        {"{'rule':'remove','at':['/a/0','/b','/none/x']}", "{'a':[1,2],'b':2}", "{'a':[2]}"},
        {"{'rule':'rename','from':'/a','to':'/b'}", "{'a':1,'b':2,'c':3}", "{'b':1,'c':3}"},
        {"{'rule':'rename','from':'/a/x','to':'/b/y/z'}", "{'a':{'x':''}}",
         "{'a':{},'b':{'y':{'z':''}}}"},
        {"{'rule':'rename','from':'/none','to':'/b'}", "{'a':1}", "{'a':1}"},
        {"{'rule':'rename','from':'/a','to':''}", "{'a':{'b':1},'c':2}", "{'b':1}"},
    };
    CHECK_ROWS(rows, map_in_place);
}

static void test_condition(void)
{
    static const struct {
        const char *condition;
        bool expected;
    } rows[] = {
        {"{'at':'/t','is':'present'}", true},
        {"{'at':'/none','is':'missing'}", true},
        {"{'at':'/null','is':'missing'}", true},
        {"{'at':'/null','is':'null'}", true},
        {"{'at':'/none','is':'null'}", false},
        {"{'at':'/empty','is':'present'}", true},
        {"{'at':'/empty','is':'filled'}", false},
        {"{'at':'/no','is':'filled'}", true},
        {"{'at':'/t','is':['number','text']}", true},
        {"{'at':'/t','is':['number','boolean','array','object']}", false},
        {"{'at':'/l','is':'array'}", true},
        {"{'at':'/o','is':'object'}", true},
        {"{'at':'/n','is':'number'}", true},
        {"{'at':'/no','is':'boolean'}", true},
        {"{'at':'/t','equals':'Alpha'}", true},
        {"{'at':'/t','equals':'alpha'}", false},
        {"{'at':'/t','equals':'alpha','ignore_case':true}", true},
        {"{'at':'/t','equals':['x','Alpha']}", true},
        {"{'at':'/n','equals':5}", true},
        {"{'at':'/n','equals':'5'}", true},
        {"{'at':'/no','equals':false}", true},
        {"{'at':'/none','equals':''}", false},
        {"{'at':'/empty','equals':''}", true},
        {"{'at':'/t','contains':'lph'}", true},
        {"{'at':'/t','contains':'LPH'}", false},
        {"{'at':'/t','contains':['LPH','x'],'ignore_case':true}", true},
        {"{'at':'/t','begins':'Al','ends':'ha'}", true},
        {"{'at':'/t','begins':'Al','ends':'x'}", false},
        {"{'at':'/t','ends':'xxAlpha'}", false},
        {"{'at':['/empty','/t'],'equals':'Alpha'}", true},
        {"{'all':[{'at':'/t','is':'text'},{'at':'/n','is':'number'}]}", true},
        {"{'all':[{'at':'/t','is':'text'},{'at':'/n','is':'text'}]}", false},
        {"{'any':[{'at':'/t','is':'array'},{'at':'/n','is':'number'}]}", true},
        {"{'any':[{'at':'/t','is':'array'},{'at':'/n','is':'array'}]}", false},
        {"{'not':{'at':'/t','is':'array'}}", true},
        {"{'not':{'at':'/t','is':'text'}}", false},
        {"{'not':{'any':[{'not':{'at':'/t','is':'text'}},{'at':'/n','is':'text'}]}}", true},
    };
    static const char message[] =
        "{'t':'Alpha','n':5,'null':null,'empty':'','no':false,'l':[],'o':{}}";
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct text rule = {0};
        text_add_format(&rule, "{'rule':'condition','if':%s,'then':[{'rule':'constant','value':"
                               "true,'to':'/x'}],'else':[{'rule':'constant','value':false,'to':"
                               "'/x'}]},{'rule':'constant','if':%s,'value':1,'to':'/y'}",
                        rows[i].condition, rows[i].condition);
        struct outcome outcome = map_rules(text_string(&rule), message);
        CHECK_EQ_TEXT(text_string(&outcome.errors), "");
        CHECK_EQ_TEXT(text_string(&outcome.result),
                      rows[i].expected ? "{'x':true,'y':1}" : "{'x':false}");
    }
}

static void test_repeat(void)
{
    static const struct row rows[] = {
        {"{'rule':'repeat','from':'/l','to':'/m/n','number_to':'/no','rules':[{'rule':'copy','from'"
         ":'/a','to':'/b'},{'rule':'copy','from':'message:/t','to':'/t'}]}",
         "{'l':[{'a':1},{'a':2}],'t':'x'}", "{'m':{'n':[{'no':1,'b':1,'t':'x'},{'no':2,'b':2,'t':'x'}]}}"},
        {"{'rule':'repeat','from':'/l','to':'/m','rules':[{'rule':'copy','from':'','to':''}]}",
         "{'l':[1,'b',{'c':3}]}", "{'m':[1,'b',{'c':3}]}"},
        {"{'rule':'repeat','from':'/l','to':'/m','rules':[{'rule':'copy','from':'/a','to':'/a'}]}",
         "{'l':{'a':1}}", "{'m':[{'a':1}]}"},
        {"{'rule':'repeat','from':['/k','/l'],'to':'/m','rules':[{'rule':'copy','from':'','to':"
         "'/a'}]}", "{'k':[],'l':'one'}", "{'m':[{'a':'one'}]}"},
        {"{'rule':'repeat','from':'/l','to':'/m','number_to':'/no','rules':[{'rule':'copy','from':"
         "'/a','to':'/a'}]}", "{'l':[{'a':1},{'b':2},{'a':3}]}",
         "{'m':[{'no':1,'a':1},{'no':2,'a':3}]}"},
        {"{'rule':'repeat','from':'/l','where':{'at':'/a','equals':3},'to':'/m','rules':[{'rule':"
         "'copy','from':'/a','to':'/a'}]}", "{'l':[{'a':1},{'a':3}]}", "{'m':[{'a':3}]}"},
        {"{'rule':'repeat','from':'/l','to':'/m','rules':[{'rule':'copy','from':'/a','to':'/a'}]}",
         "{'l':[{'b':1}]}", "{}"},
        {"{'rule':'repeat','from':'/l','to':'/m','items_min':2,'number_to':'/no','rules':[{'rule':"
         "'copy','from':'','to':'/a'}]}", "{'l':[7]}", "{'m':[{'no':1,'a':7},{'no':2}]}"},
        {"{'rule':'repeat','from':'/l','to':'/m','rules':[{'rule':'repeat','from':'/k','to':'/k',"
         "'rules':[{'rule':'copy','from':'','to':''}]}]}", "{'l':[{'k':[1,2]},{'k':[3]}]}",
         "{'m':[{'k':[1,2]},{'k':[3]}]}"},
        {"{'rule':'constant','value':[1,2],'to':'/m'},{'rule':'repeat','from':'result:/m','to':"
         "'/m','rules':[{'rule':'copy','from':'','to':''}]}", "{}", "{'m':[1,2,1,2]}"},
        {"{'rule':'repeat','from':'/l','to':'/x/-','rules':[{'rule':'copy','from':'','to':''}]}",
         "{'l':[1,2]}", "{'x':[[1],[2]]}"},
    };
    CHECK_ROWS(rows, map_rules);
}

static void test_repeat_in_place(void)
{
    static const struct row rows[] = {
        {"{'rule':'repeat','in':'/l','rules':[{'rule':'rename','from':'/a','to':'/b'},{'rule':"
         "'constant','value':0,'to':'/c'}]}", "{'l':[{'a':1},{'d':2}],'x':1}",
         "{'l':[{'b':1,'c':0},{'d':2,'c':0}],'x':1}"},
        {"{'rule':'repeat','in':'/l','rules':[{'rule':'concatenate','parts':[{'from':''},'!'],'to':"
         "''}]}", "{'l':['a','b']}", "{'l':['a!','b!']}"},
        {"{'rule':'repeat','in':'/l','where':{'at':'/a','is':'filled'},'rules':[{'rule':'remove',"
         "'at':'/a'}]}", "{'l':[{'a':1},{'a':''}]}", "{'l':[{},{'a':''}]}"},
        {"{'rule':'repeat','in':'/o','rules':[{'rule':'remove','at':'/a'}]}", "{'o':{'a':1}}",
         "{'o':{}}"},
        {"{'rule':'repeat','in':'/none','rules':[{'rule':'remove','at':'/a'}]}", "{'a':1}",
         "{'a':1}"},
        {"{'rule':'repeat','in':'/l','rules':[{'rule':'repeat','from':'/k','to':'','rules':[{'rule'"
         ":'copy','from':'','to':''}]}]}", "{'l':[{'k':[]},{}]}", "{'l':[{'k':[]},{}]}"},
        {"{'rule':'repeat','in':'','rules':[{'rule':'repeat','from':'','to':'','rules':[{'rule':"
         "'copy','from':'','to':''}]}]}", "[[1,2],[3]]", "[[1,2,1,2],[3,3]]"},
        {"{'rule':'repeat','in':'/l','rules':[{'rule':'copy','from':'/v','to':''}]}",
         "{'l':[{'v':{'w':1}},{'v':[2]}]}", "{'l':[{'w':1},[2]]}"},
    };
    CHECK_ROWS(rows, map_in_place);
}

static void test_names_may_be_tolerant(void)
{
    struct outcome outcome =
        map("{'mapping':1,'start':'empty','names':'tolerant','rules':[{'rule':'copy','from':"
            "'/file_name','to':'/a'},{'rule':'copy','from':'result:/A','to':'/b'}]}",
            "{'FileName':1}");
    CHECK_EQ_TEXT(text_string(&outcome.result), "{'a':1}");
}

static void test_failures_name_rule_and_path(void)
{
    static const struct row rows[] = {
        {"{'rule':'copy','from':'/a','to':'/x','as':'boolean'}", "{'a':'perhaps'}",
         "rule 1 (copy): /a: \"perhaps\" is not yes or no"},
        {"{'rule':'copy','from':['/b','/a'],'to':'/x','as':'number'}", "{'a':'1x'}",
         "rule 1 (copy): /a: \"1x\" is not a number\n"},
        {"{'rule':'copy','from':'/a','to':'/x','as':'number'}", "{'a':'1234567890123456'}",
         "at most 15 digits"},
        {"{'rule':'copy','from':'/a','to':'/x','as':'number'}", "{'a':'inf'}", "is not a number"},
        {"{'rule':'copy','from':'/a','to':'/x','as':'integer','least':1,'most':5}", "{'a':6}",
         "\"6\" is not a whole number from 1 to 5"},
        {"{'rule':'copy','from':'/a','to':'/x','as':'integer'}", "{'a':1.5}", "\"1.5\""},
        {"{'rule':'copy','from':'/a','to':'/x','required':true}", "{'a':''}",
         "rule 1 (copy): /a has no value, and the rule requires one\n"},
        {"{'rule':'repeat','from':'/a','to':'/x','required':true,'rules':[]}", "{}",
         "rule 1 (repeat): /a has no value"},
        {"{'rule':'rename','from':'/a','to':'/x','required':true}", "{}",
         "rule 1 (rename): /a has no value"},
        {"{'rule':'copy','from':'/a','to':'/x'},{'rule':'copy','from':'/a','to':'/x/y'}",
         "{'a':'t'}", "rule 2 (copy): /x/y: the result has a text on the way there"},
        {"{'rule':'copy','from':'/l','to':'/x'},{'rule':'copy','from':'/l','to':'/x/y'}",
         "{'l':[1]}", "rule 2 (copy): /x/y: the result has an array there"},
        {"{'rule':'copy','from':'/l','to':'/x'},{'rule':'copy','from':'/l','to':'/x/2'}",
         "{'l':[1]}", "rule 2 (copy): /x/2: the array has only 1 elements"},
        {"{'rule':'copy','from':'/a','to':'/x'},{'rule':'repeat','from':'/l','to':'/x','rules':[{"
         "'rule':'copy','from':'','to':''}]}", "{'a':1,'l':[1]}",
         "rule 2 (repeat): /x: the result has something else than an array there"},
        {"{'rule':'fail','if':{'at':'/a','equals':'x'},'parts':['no ',{'from':'/a'}]}",
         "{'a':'x'}", "rule 1 (fail): no x\n"},
        {"{'rule':'condition','if':{'at':'/a','is':'missing'},'then':[],'else':[{'rule':'repeat',"
         "'from':'/l','to':'/m','rules':[{'rule':'fail','parts':['here']}]}]}",
         "{'a':'x','l':[1]}", "rule 1.else.1.1 (fail): here\n"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct outcome outcome = map_rules(rows[i].rules, rows[i].message);
        CHECK_CONTAINS(text_string(&outcome.errors), rows[i].result);
        CHECK_EQ_INT(outcome.failure, MAPPING_FAILED_MESSAGE);
        CHECK_EQ_TEXT(text_string(&outcome.result), "");
    }
}

CHECK_MAIN(TEST(test_paths_are_json_pointers), TEST(test_copy), TEST(test_constant_and_default),
           TEST(test_concatenate), TEST(test_date), TEST(test_dates_that_are_none),
           TEST(test_lookup), TEST(test_lookup_that_has_no_usable_value),
           TEST(test_lookup_is_asked_once), TEST(test_remove_and_rename), TEST(test_condition),
           TEST(test_repeat), TEST(test_repeat_in_place), TEST(test_names_may_be_tolerant),
           TEST(test_failures_name_rule_and_path))
