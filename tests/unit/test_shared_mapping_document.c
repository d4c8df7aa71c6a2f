/* SPDX-License-Identifier: MIT */
/* Mappings: what documents are refused, and each limit at n and n + 1. JSON is written with '. */
#include "check.h"
#include "mapping_support.h"

static void test_documents_that_are_refused(void)
{
    static const struct {
        const char *document, *error;
    } rows[] = {
        {"[]", "mapping: must be an object\n"},
        {"{'mapping':1}", "mapping: \"rules\": must be a list of rules\n"},
        {"{'rules':[]}", "mapping: needs \"mapping\": 1, the version of the language\n"},
        {"{'mapping':2,'rules':[]}", "mapping: needs \"mapping\": 1"},
        {"{'mapping':1,'rule':[]}",
         "mapping: \"rule\" is not a key of a mapping; did you mean \"rules\"?\n"},
        {"{'mapping':1,'rules':[],'rules':[]}", "mapping: \"rules\" is there twice\n"},
        {"{'mapping':1,'start':'void','rules':[]}",
         "mapping: \"start\": \"void\" is not a word for it; did you mean"},
        {"{'mapping':1,'names':true,'rules':[]}", "mapping: \"names\": must be a text\n"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct outcome outcome = map(rows[i].document, "{}");
        CHECK_CONTAINS(text_string(&outcome.errors), rows[i].error);
        CHECK_EQ_TEXT(text_string(&outcome.result), "");
    }
}

static void test_rules_that_are_refused(void)
{
    static const struct {
        const char *rules, *error;
    } rows[] = {
        {"5", "rule 1: must be an object with a \"rule\""},
        {"{'from':'/a','to':'/b'}", "rule 1: must be an object with a \"rule\""},
        {"{'rule':'cpoy','from':'/a','to':'/b'}",
         "rule 1: \"cpoy\" is not a rule; did you mean \"copy\"?\n"},
        {"{'rule':'copy','form':'/a','to':'/b'}",
         "rule 1 (copy): \"form\" is not a key of the rule copy; did you mean \"from\"?\n"},
        {"{'rule':'copy','from':'/a','to':'/b','value':1}", "\"value\" is not a key of the rule"},
        {"{'rule':'copy','from':'/a','from':'/c','to':'/b'}", "rule 1 (copy): \"from\" is there twice\n"},
        {"{'rule':'copy','from':'/a'}", "rule 1 (copy): \"to\" is missing\n"},
        {"{'rule':'copy','from':'a','to':'/b'}",
         "rule 1 (copy): \"from\": \"a\" is no path: a path is \"\" or begins with '/'"},
        {"{'rule':'copy','from':'/a~','to':'/b'}", "rule 1 (copy): \"from\": \"/a~\" has a '~'"},
        {"{'rule':'copy','from':'/a~2','to':'/b'}", "has a '~'"},
        {"{'rule':'copy','from':[],'to':'/b'}", "\"from\": must not be an empty list\n"},
        {"{'rule':'copy','from':['/a',5],'to':'/b'}", "\"from\": must be a text\n"},
        {"{'rule':'copy','from':'/a','to':['/b']}", "\"to\": must be a text\n"},
        {"{'rule':'copy','from':'/a','to':'result:/b'}", "\"to\": \"result:/b\" is always a place"},
        {"{'rule':'copy','from':'/a','to':'/b','as':'int'}",
         "rule 1 (copy): \"as\": \"int\" is not a type; did you mean"},
        {"{'rule':'copy','from':'/a','to':'/b','least':1}", "need \"as\": \"integer\"\n"},
        {"{'rule':'copy','from':'/a','to':'/b','as':'integer','least':2,'most':1}",
         "\"least\" is more than \"most\"\n"},
        {"{'rule':'copy','from':'/a','to':'/b','as':'number','length_max':1}",
         "\"length_max\" is for texts"},
        {"{'rule':'copy','from':'/a','to':'/b','length_max':0}",
         "\"length_max\": must be a whole number from 1 to 10000\n"},
        {"{'rule':'copy','from':'/a','to':'/b','length_max':1.5}", "must be a whole number"},
        {"{'rule':'copy','from':'/a','to':'/b','required':1}", "\"required\": must be true or false\n"},
        {"{'rule':'copy','note':1,'from':'/a','to':'/b'}", "\"note\": must be a text\n"},
        {"{'rule':'remove','at':''}", "rule 1 (remove): \"at\": \"\" is the whole result"},
        {"{'rule':'rename','from':'','to':'/a'}", "rule 1 (rename): \"from\": \"\" is the whole"},
        {"{'rule':'date','from':'/a','write':'yyyy','to':'/b'}",
         "rule 1 (date): \"write\": \"yyyy\" has a letter that is none of YYYY"},
        {"{'rule':'date','from':'/a','write':'--','to':'/b'}", "has no part of a date in it\n"},
        {"{'rule':'lookup','lookup':'L','to':'/b'}",
         "rule 1 (lookup): needs one of \"property\" and \"property_from\"\n"},
        {"{'rule':'lookup','lookup':'L','property':'a','property_from':'/a','to':'/b'}", "needs one"},
        {"{'rule':'concatenate','parts':'a','to':'/b'}", "\"parts\": must be a list of texts"},
        {"{'rule':'concatenate','parts':[{'form':'/a'}],'to':'/b'}", "did you mean \"from\"?"},
        {"{'rule':'concatenate','parts':[{'default':'a'}],'to':'/b'}", "needs \"from\", once\n"},
        {"{'rule':'fail','parts':[]}", "\"parts\": must be a list"},
        {"{'rule':'repeat','rules':[]}", "rule 1 (repeat): needs \"from\" and \"to\", or \"in\""},
        {"{'rule':'repeat','from':'/a','in':'/b','rules':[]}", "or \"in\" alone"},
        {"{'rule':'repeat','in':'/b','items_max':1,'rules':[]}", "need \"to\"\n"},
        {"{'rule':'repeat','from':'/a','to':'/b'}", "rule 1 (repeat): \"rules\" is missing\n"},
        {"{'rule':'repeat','from':'/a','to':'/b','rules':[{'rule':'copy','from':'/a','too':'/b'}]}",
         "rule 1.1 (copy): \"too\" is not a key"},
        {"{'rule':'condition','then':[]}", "rule 1 (condition): \"if\" is missing\n"},
        {"{'rule':'condition','if':{'at':'/a','is':'fild'},'then':[]}",
         "\"fild\" is not what \"is\" may ask; did you mean \"filled\"?\n"},
        {"{'rule':'condition','if':{'at':'/a'},'then':[]}", "a condition needs \"at\" and one of"},
        {"{'rule':'condition','if':{'is':'text'},'then':[]}", "a condition needs \"at\""},
        {"{'rule':'condition','if':{},'then':[]}", "must be a condition"},
        {"{'rule':'condition','if':{'at':'/a','equal':1},'then':[]}", "did you mean \"equals\"?\n"},
        {"{'rule':'condition','if':{'at':'/a','equals':[]},'then':[]}", "must not be an empty list\n"},
        {"{'rule':'condition','if':{'at':'/a','equals':{}},'then':[]}", "must be a text, a number"},
        {"{'rule':'condition','if':{'all':{'at':'/a','is':'text'}},'then':[]}", "must have a list"},
        {"{'rule':'condition','if':{'all':[]},'then':[]}", "must have a list"},
        {"{'rule':'condition','if':{'not':[{'at':'/a','is':'text'}]},'then':[]}", "must have one"},
        {"{'rule':'condition','if':{'any':[{'at':'/a','is':'text'}],'at':'/a'},'then':[]}",
         "stand alone in a condition\n"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct outcome outcome = map_rules(rows[i].rules, "{}");
        CHECK_CONTAINS(text_string(&outcome.errors), rows[i].error);
        CHECK_EQ_TEXT(text_string(&outcome.result), "");
    }
}

static void test_all_errors_are_told_up_to_a_limit(void)
{
    struct outcome outcome = map_rules("{'rule':'copy','form':'/a','too':'/b'},{'rule':'x'}", "{}");
    CHECK_EQ_TEXT(text_string(&outcome.errors),
                  "rule 1 (copy): \"form\" is not a key of the rule copy; did you mean \"from\"?\n"
                  "rule 1 (copy): \"too\" is not a key of the rule copy; did you mean \"to\"?\n"
                  "rule 2: \"x\" is not a rule; did you mean \"copy\"?\n");
    for (int more = 0; more < 2; more++) {
        struct text rules = {0};
        for (int i = 0; i < MAPPING_ERRORS_MAX + more; i++)
            text_add(&rules, i ? ",1" : "1");
        outcome = map_rules(text_string(&rules), "{}");
        CHECK_CONTAINS(text_string(&outcome.errors), "rule 20: must be");
        CHECK(!strstr(text_string(&outcome.errors), "rule 21: must be"));
        CHECK_EQ_INT(strstr(text_string(&outcome.errors), "1 more errors are not shown") != NULL, more);
    }
}

static void test_errors_stay_on_their_line(void)
{
    struct outcome outcome = map_rules("{'rule':'copy','from':'a\\nrule 9','to':'/b'}", "{}");
    CHECK_CONTAINS(text_string(&outcome.errors), "\"a?rule 9\" is no path");
    outcome = map_rules("{'rule':'fail','parts':[{'from':'/a'}]}", "{'a':'x\\u001b[0m\\ny'}");
    CHECK_EQ_TEXT(text_string(&outcome.errors), "rule 1 (fail): x?[0m?y\n");
}

/* count times piece, separated by commas. */
static void list(struct text *out, const char *piece, int count)
{
    for (int i = 0; i < count; i++) {
        text_add(out, i ? "," : "");
        text_add(out, piece);
    }
}

static void check_limit(struct outcome (*make)(int count), int limit, const char *error)
{
    struct outcome at = make(limit), beyond = make(limit + 1);
    CHECK_EQ_TEXT(text_string(&at.errors), "");
    CHECK(at.result.size > 0);
    CHECK_CONTAINS(text_string(&beyond.errors), error);
    CHECK_EQ_INT(beyond.result.size, 0);
}

static struct outcome many_rules(int count)
{
    struct text rules = {0};
    text_add(&rules, "{'rule':'condition','if':{'at':'/a','is':'present'},'then':[");
    list(&rules, "{'rule':'remove','at':'/a'}", 100);
    text_add(&rules, "]},");
    list(&rules, "{'rule':'remove','at':'/a'}", count - 101);
    return map_rules(text_string(&rules), "{}");
}

static struct outcome deep_rules(int count)
{
    struct text rules = {0};
    for (int i = 1; i < count; i++)
        text_add(&rules, "{'rule':'repeat','in':'','rules':[");
    text_add(&rules, "{'rule':'remove','at':'/a'}");
    for (int i = 1; i < count; i++)
        text_add(&rules, "]}");
    return map_rules(text_string(&rules), "{}");
}

static struct outcome deep_conditions(int count)
{
    struct text rules = {0};
    text_add(&rules, "{'rule':'remove','at':'/a','if':");
    for (int i = 0; i < count; i++)
        text_add(&rules, "{'not':");
    text_add(&rules, "{'at':'/a','is':'text'}");
    for (int i = 0; i < count; i++)
        text_add(&rules, "}");
    text_add(&rules, "}");
    return map_rules(text_string(&rules), "{}");
}

static struct outcome long_path(int count)
{
    struct text rules = {0};
    text_add(&rules, "{'rule':'constant','value':1,'to':'");
    for (int i = 0; i < count; i++)
        text_add(&rules, "/a");
    text_add(&rules, "'}");
    return map_rules(text_string(&rules), "{}");
}

/* The copy that goes to "/a" is one level deeper than the message. */
static struct outcome deep_result(int count)
{
    struct text message = {0};
    for (int i = 1; i < count; i++)
        text_add(&message, "[");
    for (int i = 1; i < count; i++)
        text_add(&message, "]");
    return map_rules("{'rule':'copy','from':'','to':'/a','keep_empty':true}", text_string(&message));
}

static struct outcome many_items(int count)
{
    struct text message = {0};
    text_add(&message, "{'l':[");
    list(&message, "1", count);
    text_add(&message, "]}");
    return map_rules("{'rule':'repeat','from':'/l','to':'/m','rules':[{'rule':'copy','from':'','to':"
                     "''}]}", text_string(&message));
}

static struct outcome many_items_in_place(int count)
{
    struct text message = {0};
    text_add(&message, "{'l':[");
    list(&message, "1", count);
    text_add(&message, "]}");
    return map_in_place("{'rule':'repeat','in':'/l','rules':[]}", text_string(&message));
}

/* A step for each rule, one for each element: 1 + 1,000 * (1 + 1 + 997) for the first rule and what
 * is in it, 1 for the second, 1 and one for each element of "m" for the last. */
static struct outcome many_steps(int count)
{
    struct text message = {0}, row = {0};
    list(&row, "1", 997);
    text_add(&message, "{'l':[");
    for (int i = 0; i < 1000; i++)
        text_add_format(&message, "%s[%s]", i ? "," : "", text_string(&row));
    text_add(&message, "],'m':[");
    list(&message, "1", count - (1 + 1000 * (1 + 1 + 997)) - 2);
    text_add(&message, "]}");
    return map_in_place("{'rule':'repeat','in':'/l','rules':[{'rule':'repeat','in':'','rules':[]}]},"
                        "{'rule':'remove','at':'/l'},{'rule':'repeat','in':'/m','rules':[]}", text_string(&message));
}

static struct outcome long_result(int count)
{
    struct text message = {0};
    text_add(&message, "{'a':'");
    text_room(&message, (size_t)count);
    for (int i = 0; i < count - 8; i++)
        text_add_bytes(&message, "x", 1);
    text_add(&message, "'}");
    return map_in_place("", text_string(&message));
}

static void test_limits(void)
{
    check_limit(many_rules, MAPPING_RULES_MAX, "has more rules than the 500");
    check_limit(deep_rules, MAPPING_DEPTH_MAX, "has rules inside rules more than 8 deep");
    check_limit(deep_conditions, MAPPING_DEPTH_MAX, "has conditions inside conditions more than 8");
    check_limit(long_path, MAPPING_TOKENS_MAX, "has more parts than a path may have (16)");
    check_limit(deep_result, JSON_DEPTH_MAX, "rule 1 (copy): the result would be nested deeper");
    check_limit(many_items, MAPPING_ITEMS_MAX, "rule 1 (repeat): more than 10000 elements");
    check_limit(many_items_in_place, MAPPING_ITEMS_MAX, "rule 1 (repeat): /l: more than 10000");
    check_limit(many_steps, MAPPING_STEPS_MAX, "more than 1000000 rules would be applied");
    check_limit(long_result, MAPPING_RESULT_SIZE_MAX, "mapping: the result is longer than 1048576");
}

/* What is put into the result counts, even if it is replaced: the text, its name "a", two bytes. */
static struct outcome much_work(int count)
{
    struct text message = {0}, rules = {0};
    text_add(&message, "{'a':'");
    for (int i = 0; i < count / 4 - 3; i++)
        text_add_bytes(&message, "x", 1);
    text_add(&message, "'}");
    list(&rules, "{'rule':'copy','from':'/a','to':'/b'}", 4);
    text_add(&rules, count % 4 ? ",{'rule':'constant','value':0,'to':'/c'}" : "");
    text_add(&rules, ",{'rule':'remove','at':'/b'}");
    return map_rules(text_string(&rules), text_string(&message));
}

static void test_work_is_limited(void)
{
    check_limit(much_work, MAPPING_WORK_SIZE_MAX, "more than 4194304 bytes would be put into");
}

static void test_elements_beyond_items_max_are_left_out_with_a_note(void)
{
    static const char rules[] = "{'rule':'repeat','from':'/l','to':'/m','items_max':2,'rules':[{"
                                "'rule':'copy','from':'','to':''}]}";
    struct outcome outcome = map_rules(rules, "{'l':[1,2]}");
    CHECK_EQ_TEXT(text_string(&outcome.result), "{'m':[1,2]}");
    CHECK_EQ_TEXT(text_string(&outcome.notes), "");
    outcome = map_rules(rules, "{'l':[1,2,3]}");
    CHECK_EQ_TEXT(text_string(&outcome.result), "{'m':[1,2]}");
    CHECK_EQ_TEXT(text_string(&outcome.notes),
                  "rule 1 (repeat): only 2 elements are taken, the others are left out\n");
}

static void test_long_numbers_are_found(void)
{
    static const struct {
        const char *bytes;
        size_t at, size; /* 0: none */
    } rows[] = {
        {"{\"a\":123456789012345}", 0, 0},
        {"{\"a\":1234567890123456}", 5, 16},
        {"[-1234567890123456,1]", 1, 17},
        {"{\"a\":\"1234567890123456\"}", 0, 0},
        {"{\"a\\\"1234567890123456\":1}", 0, 0},
        {"[0.1234567890123456789]", 0, 0},
        {"[12345678901234567890e5]", 0, 0},
        {"1234567890123456", 0, 16},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        size_t size = 0;
        const char *found = mapping_long_number(rows[i].bytes, strlen(rows[i].bytes), &size);
        CHECK_EQ_INT(found != NULL, rows[i].size != 0);
        if (found) {
            CHECK_EQ_INT(found - rows[i].bytes, rows[i].at);
            CHECK_EQ_INT(size, rows[i].size);
        }
    }
}

CHECK_MAIN(TEST(test_documents_that_are_refused), TEST(test_rules_that_are_refused),
           TEST(test_all_errors_are_told_up_to_a_limit), TEST(test_errors_stay_on_their_line),
           TEST(test_limits), TEST(test_work_is_limited),
           TEST(test_elements_beyond_items_max_are_left_out_with_a_note),
           TEST(test_long_numbers_are_found))
