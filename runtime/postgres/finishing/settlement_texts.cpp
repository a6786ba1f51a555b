#include "postgres/finishing/settlement_texts.hpp"

#include <cstdlib>
#include <memory>
#include <utility>

#include "base/text.hpp"

namespace sluice::postgres {

/// An id is sent back unchanged, because it may not be UTF-8 in a database without an encoding.
void SettlementTexts::add(const job::Settlement& s) {
  ids_.add(s.id);
  claims_.add(s.claim);
  attempts_.add(std::int64_t{s.attempt});
  statuses_.add(job::name(s.status));
  refunds_.add_flag(s.refund);
  if (s.delay) {
    delays_.add(bounded_microseconds(*s.delay));
  } else {
    delays_.add_null();
  }
  types_.add(base::valid_utf8(s.type));
  results_.add(job::name(s.outcome.result));
  codes_.add(base::valid_utf8(s.outcome.code));
  errors_.add(base::valid_utf8(s.outcome.error));
  log_tails_.add(base::valid_utf8(s.outcome.log_tail));
  stacks_.add(base::valid_utf8(s.outcome.stack));
  if (s.outcome.output.empty()) {
    outputs_.add_null();
  } else {
    outputs_.add(base::valid_utf8(s.outcome.output));
  }
  durations_.add(bounded_microseconds(s.outcome.duration));
  places_.add(s.place.empty() ? nowhere : s.place);
  claimed_as_.add(id_in_claim(s));
  created_.add(cursor_text(s.created_at));
  static const job::HostFacts none;
  add_host(s.outcome.host ? *s.outcome.host : none);
}

void SettlementTexts::add_host(const job::HostFacts& host) {
  plugins_.add(base::valid_utf8(host.plugin));
  versions_.add(base::valid_utf8(host.version));
  build_ids_.add(base::valid_utf8(host.build_id));
  host.cpu_seconds ? cpu_.add(std::to_string(*host.cpu_seconds)) : cpu_.add_null();
  host.peak_memory ? peaks_.add(*host.peak_memory) : peaks_.add_null();
}

std::vector<std::size_t> indices_in(const pqxx::field& numbers) {
  std::vector<std::size_t> indices;
  if (numbers.is_null()) return indices;
  const std::string text = text_of(numbers);
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '{' && text[at] != ',') continue;
    const std::size_t number = std::strtoul(text.c_str() + at + 1, nullptr, 10);
    if (number > 0) indices.push_back(number - 1);
  }
  return indices;
}

Settled read_settled(const pqxx::result& answer) {
  return {indices_in(answer[0][0]), indices_in(answer[0][1]), indices_in(answer[0][2])};
}

const std::string& id_in_claim(const job::Settlement& settlement) {
  return settlement.claimed_as.empty() ? settlement.id : settlement.claimed_as;
}

std::size_t size_of(const job::Settlement& settlement) {
  const job::Outcome& outcome = settlement.outcome;
  return settlement.id.size() + outcome.code.size() + outcome.error.size() + outcome.log_tail.size() +
         outcome.stack.size() + outcome.output.size();
}

namespace {

std::shared_ptr<const job::HostFacts> ascii_only(job::HostFacts host) {
  for (std::string* text : {&host.plugin, &host.version, &host.build_id}) *text = postgres::ascii_only(*text);
  return std::make_shared<const job::HostFacts>(std::move(host));
}

}  // namespace

job::Settlement reduced(job::Settlement settlement, const std::string& why) {
  auto& outcome = settlement.outcome;
  const bool had_output = !outcome.output.empty();
  outcome.output.clear();
  outcome.code = ascii_only(outcome.code);
  outcome.log_tail = ascii_only(outcome.log_tail);
  outcome.stack = ascii_only(outcome.stack);
  outcome.error = ascii_only(outcome.error);
  if (outcome.host) outcome.host = ascii_only(*outcome.host);
  if (!outcome.error.empty()) outcome.error += '\n';
  outcome.error += std::string("[sluice: the database refused this outcome") +
                   (had_output ? ", so its output was left out: " : ": ") + ascii_only(why) + "]";
  return settlement;
}

}  // namespace sluice::postgres
