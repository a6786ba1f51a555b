#include "order.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include "json.hpp"

namespace data_sync {

namespace {

using sluice::Json;

constexpr std::array<std::string_view, 3> questions = {"parameters", "cursor", "full"};

/// Whether an object says what to request from the source. Otherwise it is a record.
bool is_question(const rapidjson::Value& data) {
  return std::all_of(data.MemberBegin(), data.MemberEnd(), [](const auto& member) {
    const std::string_view name(member.name.GetString(), member.name.GetStringLength());
    return std::find(questions.begin(), questions.end(), name) != questions.end();
  });
}

void take_records(const rapidjson::Value& records, Order& order) {
  order.is_inline = true;
  order.records.CopyFrom(records, order.records.GetAllocator());
}

void take_record(const rapidjson::Value& record, Order& order) {
  order.is_inline = true;
  order.records.SetArray();
  rapidjson::Value copy(record, order.records.GetAllocator());
  order.records.PushBack(copy, order.records.GetAllocator());
}

/// `data` is for checks; `exact` is the same value, with each number's digits as received.
void take_question(const Json& data, const rapidjson::Value& exact, Order& order) {
  if (const auto parameters = data.find("parameters")) {
    for (const auto& member : parameters->as_object().value().GetObject()) {
      const std::string name(member.name.GetString(), member.name.GetStringLength());
      if (member.value.IsNull()) continue;  // as if absent
      if (!member.value.IsNumber() && !member.value.IsBool())
        static_cast<void>(parameters->at(name).as_string());
      order.parameters[name] = plain(exact["parameters"][member.name]);
    }
  }
  if (const auto cursor = data.find("cursor")) {
    if (!cursor->value().IsNumber()) static_cast<void>(cursor->as_string());
    order.cursor.emplace();
    order.cursor->CopyFrom(exact["cursor"], order.cursor->GetAllocator());
  }
  order.full = data.boolean_or("full", false);
}

/// Drops a line end, which a form or a file can leave there.
std::string one_line(std::string text) {
  text.resize(text.find_last_not_of("\r\n") + 1);
  return text;
}

rapidjson::Document parse_payload(const sluice::Job& job) {
  try {
    return parse_json(job.payload_text());
  } catch (const BadJson& error) {
    throw sluice::PermanentError("bad-payload", std::string("payload: ") + error.what());
  }
}

}  // namespace

Order read_order(sluice::Job& job) {
  const Json payload = job.payload();
  Order order;
  order.source = one_line(payload.string("source"));
  order.target = one_line(payload.string("target"));
  const auto data = payload.find("data");
  if (!data) return order;
  const rapidjson::Document document = parse_payload(job);
  const rapidjson::Value& exact = document["data"];
  if (data->value().IsArray()) {
    take_records(exact, order);
  } else if (const auto records = data->as_object().find("records"); records && records->value().IsArray()) {
    take_records(exact["records"], order);
  } else if (is_question(data->value())) {
    take_question(*data, exact, order);
  } else {
    take_record(exact, order);
  }
  return order;
}

}  // namespace data_sync
