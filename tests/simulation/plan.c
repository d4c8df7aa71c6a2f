/* SPDX-License-Identifier: MIT */
/* See plan.h. */
#include "plan.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "server_ftp.h"
#include "world.h"

/* ---- drawing --------------------------------------------------------------------------------- */

static unsigned draw_one_of(const unsigned values[], unsigned count)
{
    return values[draw_below(count)];
}
#define DRAW(...)                                                                                  \
    draw_one_of((const unsigned[]){__VA_ARGS__},                                                   \
                sizeof((const unsigned[]){__VA_ARGS__}) / sizeof(unsigned))

static enum conflict_policy draw_policy(void)
{
    return draw_chance(700)   ? CONFLICT_FAIL
           : draw_chance(900) ? CONFLICT_NUMBER
                              : CONFLICT_OVERWRITE;
}

static struct flavour draw_flavour(void)
{
    return (struct flavour){
        .is_sftp = draw_chance(150),
        .has_mlsd = draw_chance(600),
        .has_epsv = draw_chance(900),
        .rejects_feat = draw_chance(100),
        .says_250 = draw_chance(100),
        .disk_full_code = (int)DRAW(451, 426, 452, 552),
        .tls = (enum tls_mode)draw_below(3),
    };
}

/* All, half or few of the kinds: so that each is met with and without each other. */
static void enable_mishaps(struct plan *plan)
{
    unsigned permille = DRAW(1000, 500, 500, 300, 150, 60, 0);
    for (unsigned i = 0; i < MISHAP_FIRST_LATER; i++)
        plan->enabled[i] = draw_chance(permille);
    for (unsigned i = MISHAP_FIRST_LATER; i < MISHAP_COUNT; i++)
        plan->enabled[i] = (plan->later >> (i - MISHAP_FIRST_LATER) & 1) && draw_later_chance(permille);
}

void plan_draw(void)
{
    struct plan *plan = &world->plan;
    plan->source_is_bucket = draw_chance(500);
    plan->target_is_bucket = draw_chance(500);
    plan->file_count = DRAW(1, 1, 2, 3, 4);
    plan->lifetimes = (unsigned)draw_between(2, 9);
    plan->mishap_permille = DRAW(0, 15, 25, 40, 60, 100, 150);
    plan->disk_permille = DRAW(0, 0, 0, 0, 1, 3);
    plan->event_permille = DRAW(0, 40, 100, 200);
    plan->kill_percent = DRAW(0, 20, 50, 80);
    plan->cut_percent = DRAW(0, 0, 40, 100);
    plan->two_hosts_percent = DRAW(0, 0, 15, 50);
    plan->ack_percent = DRAW(0, 10, 25);
    plan->source_policy = draw_policy();
    plan->target_policy = draw_policy();
    plan->mail_tls = (enum tls_mode)draw_below(3);
    plan->settle_ms = DRAW(1000, 2000);
    plan->part_size = DRAW(4096, 5000);
    plan->threshold = DRAW(4096, 20000);
    plan->has_large_file = draw_chance(30);
    if (plan->has_large_file)
        plan->part_size = 65536; /* in not too many parts */
    plan->has_relative_folders = draw_chance(400);
    plan->prefix = draw_chance(800) ? "C1-" : "S";
    plan->ftp[PLACE_CCS_FTP] = draw_flavour();
    plan->ftp[PLACE_DACS_FTP] = draw_flavour();
    for (int i = 0; i < PLACE_SPARE; i++)
        plan->ftp[PLACE_SPARE + i] = plan->ftp[i];
    enable_mishaps(plan);
}

static const char *kind_of(bool is_bucket, enum place_id ftp)
{
    return is_bucket ? "bucket" : world->plan.ftp[ftp].is_sftp ? "sftp" : "ftp";
}

void plan_describe(char *text, unsigned size)
{
    const struct plan *plan = &world->plan;
    unsigned enabled = 0;
    for (int i = 0; i < MISHAP_COUNT; i++)
        enabled += plan->enabled[i];
    snprintf(text, size,
             "%s to %s, %u files, %u lifetimes, %u of %u kinds of faults, %u/1000 of exchanges, "
             "%u/1000 of disk writes, others act at %u/1000, %u%% killed, policies %u and %u",
             kind_of(plan->source_is_bucket, PLACE_CCS_FTP),
             kind_of(plan->target_is_bucket, PLACE_DACS_FTP), plan->file_count, plan->lifetimes,
             enabled, (unsigned)MISHAP_COUNT, plan->mishap_permille, plan->disk_permille,
             plan->event_permille, plan->kill_percent, plan->source_policy, plan->target_policy);
}

/* ---- the workspace --------------------------------------------------------------------------- */

static const char *policy_word(enum conflict_policy policy)
{
    static const char *const words[] = {"fail", "number", "overwrite"};
    return words[policy];
}

static const char *tls_word(enum tls_mode tls)
{
    static const char *const words[] = {"none", "explicit", "implicit"};
    return words[tls];
}

static void add_ftp(struct buf *out, const char *name, const char *host, enum place_id place,
                    enum conflict_policy policy)
{
    const struct flavour *flavour = &world->plan.ftp[place];
    buf_printf(out, "\"%s\": {\"type\": \"%s\", \"host\": \"ftp.%s.test\", \"user\": \"sluice\", ", name,
               flavour->is_sftp ? "sftp" : "ftp", host);
    if (flavour->is_sftp)
        buf_append_text(out, "\"known_hosts\": \"connections.json\", ");
    else
        buf_printf(out, "\"tls\": \"%s\", ", tls_word(flavour->tls));
    buf_printf(out,
               "\"password\": {\"env\": \"SIMULATION_SECRET\"}, \"on_conflict\": \"%s\", "
               "\"settle_ms\": %u},\n",
               policy_word(policy), world->plan.settle_ms);
}

static void add_bucket(struct buf *out, const char *name, const char *host, const struct signing_key *key,
                       enum conflict_policy policy)
{
    buf_printf(out,
               "\"%s\": {\"type\": \"object_storage\", \"url\": \"https://storage.%s.test\", "
               "\"tenancy\": \"ocid1.tenancy.oc1..t\", \"user\": \"ocid1.user.oc1..u\", "
               "\"fingerprint\": \"%s\", \"private_key\": \"%s\", \"on_conflict\": \"%s\", "
               "\"multipart_threshold\": %u, \"part_size\": %u},\n",
               name, host, key->fingerprint, key->path, policy_word(policy),
               world->plan.threshold, world->plan.part_size);
}

static void add_connections(struct buf *out, const struct signing_key *key)
{
    const struct plan *plan = &world->plan;
    buf_append_text(out, "{\n");
    const char *ccs = world->is_source_away ? "ccs.spare" : "ccs";
    const char *dacs = world->is_target_away ? "dacs.spare" : "dacs";
    add_ftp(out, "OU FTP CCS for CCS-DACS", ccs, PLACE_CCS_FTP, plan->source_policy);
    add_ftp(out, "OU FTP DACS for CCS-DACS", dacs, PLACE_DACS_FTP, plan->target_policy);
    add_bucket(out, "OU REST CCS OS for CCS-DACS", ccs, key, plan->source_policy);
    add_bucket(out, "OU REST DACS OS for CCS-DACS", dacs, key, plan->target_policy);
    buf_append_text(out, "\"OU REST CCS for CCS-DACS\": {\"type\": \"rest\", \"url\": "
                         "\"https://rest.ccs.test/ouaf\", \"auth\": \"basic\", \"user\": \"i\", "
                         "\"password\": {\"env\": \"SIMULATION_SECRET\"}},\n"
                         "\"OU REST for CCS-DACS\": {\"type\": \"local\"},\n"
                         "\"OU REST OIC for CCS-DACS\": {\"type\": \"local\"},\n");
    buf_printf(out,
               "\"OU SMTP for CCS-DACS\": {\"type\": \"smtp\", \"host\": \"mail.test\", "
               "\"tls\": \"%s\", \"user\": \"m\", \"password\": {\"env\": \"SIMULATION_SECRET\"}}\n}\n",
               tls_word(plan->mail_tls));
}

static void add_properties(struct buf *out)
{
    const char *folder = world->plan.has_relative_folders ? FTP_FOLDER : FTP_HOME "/" FTP_FOLDER;
    buf_printf(out,
               "PropertyName,Value\n"
               "ccs.ftp.custsync.input.directory,%s\n"
               "dacs.ftp.custsync.output.directory,%s\n"
               "ccs.os.custsync.namespace,ccs\nccs.os.custsync.bucketname,extracts\n"
               "dacs.os.custsync.namespace,dacs\ndacs.os.custsync.bucketname,extracts\n"
               "dacs.file.target.transfer.pref,%s\n"
               "ccs.prefixtag.file.uploaded,SENT-\n",
               folder, folder, world->plan.target_is_bucket ? "os" : "ftp");
}

static int remove_one(const char *path, const struct stat *status, int flag, struct FTW *walk)
{
    (void)status, (void)flag, (void)walk;
    return remove(path);
}

static bool write_text(const char *folder, const char *name, const struct buf *text,
                       struct error *err)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return file_write(path, buf_text(text), text->size, 0600, err);
}

bool plan_write_connections(const char *folder, const struct signing_key *key, struct error *err)
{
    struct buf text;
    buf_init(&text, 1u << 20);
    add_connections(&text, key);
    bool ok = write_text(folder, "connections.json", &text, err);
    buf_release(&text);
    return ok;
}

bool plan_write_workspace(const char *folder, const struct signing_key *key, struct error *err)
{
    char path[512];
    struct buf text;
    nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    snprintf(path, sizeof path, "%s/lookups", folder);
    buf_init(&text, 1u << 20);
    buf_append_text(&text, "{}\n");
    bool ok = file_make_folder(path, err) && write_text(folder, "sluice.json", &text, err);
    ok = ok && plan_write_connections(folder, key, err);
    buf_clear(&text);
    add_properties(&text);
    ok = ok && write_text(folder, "lookups/OUTL-BRT-CCS_DACS_ConfigProps.csv", &text, err);
    buf_clear(&text);
    buf_printf(&text,
               "Recipient,Email_Id\nfrom,sluice@utility.test\nto,operations@utility.test\n"
               "to.process.notification,\"billing@utility.test, field@utility.test%s\"\n",
               world->plan.enabled[MISHAP_SMTP_CHOOSY] ? ", meter@utility.test, night@utility.test" : "");
    ok = ok && write_text(folder, "lookups/OUTL-BRT-CCS_DACS_Email_ID.csv", &text, err);
    buf_release(&text);
    return ok;
}
