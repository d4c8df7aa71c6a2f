/* SPDX-License-Identifier: MIT */
/*
 * Posts acknowledgements as fast as they are answered, each sync request once, and writes down what
 * became of each: "<14 digits> <status>", status 0 where no answer came. For the soak test, which
 * compares that with what the store and CCS have.
 * Usage: relay_load URL USER:PASSWORD CONNECTIONS SECONDS FIRST FILE
 * Prints "<requests> <answered 200> <429 or 503 with Retry-After> <others>".
 */
#include <curl/curl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CONNECTIONS_MAX 1024
#define ANSWER_MAX 1024

struct sender {
    CURL *easy;
    char body[256], answer[ANSWER_MAX];
    size_t answer_size;
    long long id;
    int sendings; /* libcurl would repeat a request that got no answer: one is enough here */
};

struct load {
    CURLM *multi;
    struct curl_slist *headers;
    struct sender senders[CONNECTIONS_MAX];
    long long next;
    FILE *out;
    unsigned long long requests, accepted, refused, others;
};

static int before_sending(void *context, char *peer, char *own, int peer_port, int own_port)
{
    (void)peer, (void)own, (void)peer_port, (void)own_port;
    struct sender *sender = context;
    return sender->sendings++ > 0 ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
}

static size_t take_answer(char *bytes, size_t unit, size_t count, void *context)
{
    struct sender *sender = context;
    size_t size = unit * count, room = ANSWER_MAX - 1 - sender->answer_size;
    memcpy(sender->answer + sender->answer_size, bytes, size < room ? size : room);
    sender->answer_size += size < room ? size : room;
    return size;
}

static void send_next(struct load *load, struct sender *sender)
{
    sender->id = load->next++;
    sender->sendings = 0;
    sender->answer_size = 0;
    snprintf(sender->body, sizeof sender->body,
             "{\"externalReferenceId\":\"%014lld\",\"hasError\":false,\"entityIdList\":"
             "[{\"entity\":\"CONTACT\",\"externalPk1\":\"98765432101234\"}]}", sender->id);
    curl_easy_setopt(sender->easy, CURLOPT_POSTFIELDS, sender->body);
    curl_multi_add_handle(load->multi, sender->easy);
}

static void note(struct load *load, struct sender *sender, CURLcode code)
{
    long status = 0;
    curl_off_t retry_s = 0;
    char id[24];
    if (code == CURLE_OK)
        curl_easy_getinfo(sender->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(sender->easy, CURLINFO_RETRY_AFTER, &retry_s);
    snprintf(id, sizeof id, "%014lld", sender->id);
    sender->answer[sender->answer_size] = '\0';
    bool is_own = strstr(sender->answer, id) != NULL;
    load->requests++;
    load->accepted += status == 200 && is_own;
    load->refused += (status == 429 || status == 503) && retry_s > 0;
    fprintf(load->out, "%s %ld\n", id, status == 200 && !is_own ? 0 : status);
    load->others = load->requests - load->accepted - load->refused;
}

static void prepare(struct load *load, struct sender *sender, const char *url, const char *account)
{
    CURL *easy = sender->easy = curl_easy_init();
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_USERPWD, account);
    curl_easy_setopt(easy, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, load->headers);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_answer);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, sender);
    curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, before_sending);
    curl_easy_setopt(easy, CURLOPT_PREREQDATA, sender);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, sender);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT, 60L);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
}

static void run(struct load *load, time_t until)
{
    int running = 1, left;
    while (running > 0) {
        const CURLMsg *message;
        curl_multi_perform(load->multi, &running);
        while ((message = curl_multi_info_read(load->multi, &left)) != NULL) {
            struct sender *sender = NULL;
            CURLcode code = message->data.result;
            curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&sender);
            curl_multi_remove_handle(load->multi, sender->easy);
            note(load, sender, code);
            if (time(NULL) < until) {
                send_next(load, sender);
                running++;
            }
        }
        curl_multi_poll(load->multi, NULL, 0, 100, NULL);
    }
}

int main(int count, char **arguments)
{
    static struct load load;
    long connections = count == 7 ? strtol(arguments[3], NULL, 10) : 0;
    if (connections < 1 || connections > CONNECTIONS_MAX) {
        fprintf(stderr, "usage: relay_load URL USER:PASSWORD CONNECTIONS SECONDS FIRST FILE\n");
        return 2;
    }
    load.next = strtoll(arguments[5], NULL, 10);
    load.out = fopen(arguments[6], "w");
    if (!load.out || curl_global_init(CURL_GLOBAL_ALL) != CURLE_OK)
        return 1;
    load.multi = curl_multi_init();
    curl_multi_setopt(load.multi, CURLMOPT_MAXCONNECTS, connections);
    load.headers = curl_slist_append(NULL, "Content-Type: application/json");
    for (long i = 0; i < connections; i++) {
        prepare(&load, &load.senders[i], arguments[1], arguments[2]);
        send_next(&load, &load.senders[i]);
    }
    run(&load, time(NULL) + strtol(arguments[4], NULL, 10));
    printf("%llu %llu %llu %llu\n", load.requests, load.accepted, load.refused, load.others);
    for (long i = 0; i < connections; i++)
        curl_easy_cleanup(load.senders[i].easy);
    curl_multi_cleanup(load.multi);
    curl_slist_free_all(load.headers);
    curl_global_cleanup();
    return fclose(load.out) == 0 ? 0 : 1;
}
