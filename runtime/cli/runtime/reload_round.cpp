#include "cli/runtime/reload_round.hpp"

#include <rapidjson/document.h>
#include <signal.h>

#include <algorithm>
#include <charconv>

#include "base/duration.hpp"
#include "base/host_name.hpp"
#include "base/threads.hpp"
#include "base/usage_error.hpp"

namespace sluice::cli {

namespace {

using What = fleet::ReloadRequest::What;

/// "5%" or "5 %"; throws base::UsageError.
double share_of(const std::string& text) {
  double percent = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, percent);
  const std::string unit(rest, end);
  const double most = fleet::Canary::most_share * 100;
  const bool valid = error == std::errc() && (unit == "%" || unit == " %") && percent >= 0.01;
  if (!valid || percent > most) {
    throw base::UsageError("--canary: invalid share '" + text + "', expected a percentage from 0.01% to " +
                           std::to_string(static_cast<int>(most)) + "%, for example 5%");
  }
  return percent / 100;
}

std::chrono::seconds time_of(const std::string& text) {
  if (text.empty()) return fleet::CanaryPlan{}.longest;
  const auto time = base::parse_duration(text);
  if (!time || *time < std::chrono::seconds(1) || *time > fleet::longest_canary) {
    throw base::UsageError("--for: invalid duration '" + text +
                           "', expected 1s to 11d, in whole seconds, for example 10m");
  }
  return std::chrono::ceil<std::chrono::seconds>(*time);
}

bool send(RuntimeProcess& process, const std::optional<fleet::ReloadRequest>& request) {
  if (!request) return process.send(SIGHUP);
  return process.send(fleet::reload_request_signal(), fleet::packed(*request));
}

std::string text(const rapidjson::Value& object, const char* key) {
  const auto member = object.FindMember(key);
  return member != object.MemberEnd() && member->value.IsString() ? member->value.GetString() : "";
}

std::int64_t number(const rapidjson::Value& object, const char* key) {
  const auto member = object.FindMember(key);
  return member != object.MemberEnd() && member->value.IsInt64() ? member->value.GetInt64() : 0;
}

dashboard::ReloadResult result_of(const Asked& one, const rapidjson::Value& outcome) {
  dashboard::ReloadResult result{one.runtime.id, one.runtime.info.pid, text(outcome, "error"), {}};
  const auto changes = outcome.FindMember("changes");
  if (changes == outcome.MemberEnd() || !changes->value.IsArray()) return result;
  for (const auto& change : changes->value.GetArray()) {
    result.changes.push_back({text(change, "plugin"), text(change, "version"), number(change, "generation"),
                              text(change, "change"), text(change, "file"), text(change, "reason")});
  }
  return result;
}

}  // namespace

std::optional<fleet::ReloadRequest> request_of(const ReloadWords& words) {
  const bool limited = !words.longest.empty() || words.least_jobs != fleet::CanaryPlan{}.least_jobs;
  const int asked = (words.canary.empty() ? 0 : 1) + (words.promote ? 1 : 0) + (words.abort ? 1 : 0) +
                    (words.rollback ? 1 : 0);
  if (asked > 1)
    throw base::UsageError(
        "--canary, --promote, --abort and --rollback exclude each other: give one of them");
  if (limited && words.canary.empty())
    throw base::UsageError("--for and --min-jobs are for a canary: give --canary too");
  if (words.promote) return fleet::ReloadRequest{What::promote, {}};
  if (words.abort) return fleet::ReloadRequest{What::abort, {}};
  if (words.rollback) return fleet::ReloadRequest{What::rollback, {}};
  if (words.canary.empty()) return std::nullopt;
  return fleet::ReloadRequest{What::canary,
                              {share_of(words.canary), time_of(words.longest), words.least_jobs}};
}

std::optional<fleet::ReloadRequest> request_of(const dashboard::ReloadWish& wish) {
  using Wish = dashboard::ReloadWish::What;
  if (wish.what == Wish::canary && wish.share.empty())
    throw base::UsageError("a canary needs a share of the jobs");
  ReloadWords words;
  if (wish.what == Wish::canary) {
    words.canary = wish.share;
    words.longest = wish.longest;
  }
  words.promote = wish.what == Wish::promote;
  words.abort = wish.what == Wish::abort;
  words.rollback = wish.what == Wish::rollback;
  return request_of(words);
}

std::list<Asked> find_runtimes(postgres::ReloadDesk& desk, const Excuse& excuse) {
  const std::string host = base::host_name();
  std::list<Asked> found;
  for (const store::RuntimeReport& runtime : desk.runtimes()) {
    if (runtime.info.host != host || runtime.info.command != "run") continue;
    found.push_back({runtime, RuntimeProcess(runtime)});
    if (found.back().process.trouble().empty()) continue;
    excuse(runtime, found.back().process.trouble());
    found.pop_back();
  }
  return found;
}

bool ask(std::list<Asked>& runtimes, const std::optional<fleet::ReloadRequest>& request,
         const Excuse& excuse) {
  const std::size_t before = runtimes.size();
  std::erase_if(runtimes, [&](Asked& one) {
    one.asked_at =
        std::chrono::duration_cast<std::chrono::microseconds>(base::Clock::now().time_since_epoch());
    if (send(one.process, request)) return false;
    excuse(one.runtime, one.process.trouble());
    return true;
  });
  return runtimes.size() == before;
}

std::chrono::microseconds patience_of(const config::Config& config) {
  return 4 * config.start_timeout + std::chrono::seconds(10);
}

bool ask_and_wait(postgres::ReloadDesk& desk, std::list<Asked>& runtimes, const Round& round,
                  const Excuse& excuse,
                  const std::function<void(const Asked&, const dashboard::ReloadResult&)>& tell) {
  bool all_asked = true;
  const auto all_answered = [&] {
    return std::all_of(runtimes.begin(), runtimes.end(), [](const Asked& one) { return one.answered; });
  };
  const auto take = [&](const std::string& announcement) {
    rapidjson::Document outcome;
    outcome.Parse<rapidjson::kParseIterativeFlag>(announcement.data(), announcement.size());
    if (outcome.HasParseError() || !outcome.IsObject()) return all_answered();
    for (Asked& one : runtimes) {
      const bool its = number(outcome, "runtime") == one.runtime.id && !one.answered &&
                       number(outcome, "began_us") >= one.asked_at.count();
      if (!its) continue;
      const bool under_way = number(outcome, "canaries") > 0;
      const bool refused = !text(outcome, "error").empty();
      if (one.began && under_way && refused) continue;  // somebody else's request, because of this canary
      one.began = under_way && !refused;
      const bool decided = !under_way || refused;
      one.answered = decided || !round.to_the_end;  // else more answers follow
      tell(one, result_of(one, outcome));
    }
    return all_answered();
  };
  const auto ready = [&] {
    all_asked = ask(runtimes, round.request, excuse);
    if (round.asked) round.asked();
  };
  desk.hear(ready, take, std::chrono::ceil<std::chrono::milliseconds>(round.patience), round.gives_up);
  return all_asked;
}

std::string ids_of(const std::list<Asked>& runtimes) {
  std::string ids;
  for (const Asked& one : runtimes) ids += (ids.empty() ? "" : ", ") + std::to_string(one.runtime.id);
  return ids;
}

}  // namespace sluice::cli
