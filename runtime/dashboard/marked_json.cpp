#include "dashboard/marked_json.hpp"

#include <rapidjson/prettywriter.h>
#include <rapidjson/reader.h>
#include <rapidjson/stringbuffer.h>

#include <algorithm>
#include <map>
#include <utility>

#include "base/text.hpp"

namespace sluice::dashboard {

namespace {

using Writer = rapidjson::PrettyWriter<rapidjson::StringBuffer>;

/// JSON pointer → the number of the line on which the value begins.
using Lines = std::map<std::string, std::size_t>;

/// Writes what a reader finds, and notes where each value begins.
class Copy : public rapidjson::BaseReaderHandler<rapidjson::UTF8<>, Copy> {
 public:
  Copy(rapidjson::StringBuffer& buffer, Lines& lines) : buffer_(buffer), writer_(buffer), lines_(lines) {}

  bool Null() {
    return value([&] { return writer_.Null(); });
  }
  bool Bool(bool truth) {
    return value([&] { return writer_.Bool(truth); });
  }
  bool RawNumber(const char* text, rapidjson::SizeType length, bool) {
    return value([&] { return writer_.RawValue(text, length, rapidjson::kNumberType); });
  }
  bool String(const char* text, rapidjson::SizeType length, bool) {
    return value([&] { return writer_.String(text, length); });
  }
  bool Key(const char* text, rapidjson::SizeType length, bool) {
    path_.back().name.assign(text, length);
    return writer_.Key(text, length);
  }
  bool StartObject() {
    return begin(false, [&] { return writer_.StartObject(); });
  }
  bool EndObject(rapidjson::SizeType) {
    return end([&] { return writer_.EndObject(); });
  }
  bool StartArray() {
    return begin(true, [&] { return writer_.StartArray(); });
  }
  bool EndArray(rapidjson::SizeType) {
    return end([&] { return writer_.EndArray(); });
  }

 private:
  struct Step {
    bool is_array = false;
    std::size_t index = 0;
    std::string name;
  };

  /// The line on which the writer is.
  std::size_t line() {
    const char* const text = buffer_.GetString();
    line_ += static_cast<std::size_t>(std::count(text + counted_, text + buffer_.GetSize(), '\n'));
    counted_ = buffer_.GetSize();
    return line_;
  }

  void note() {
    std::string pointer;
    for (const Step& step : path_)
      pointer += "/" + (step.is_array ? std::to_string(step.index) : base::pointer_token(step.name));
    lines_[pointer] = line();
  }

  void advance() {
    if (!path_.empty() && path_.back().is_array) ++path_.back().index;
  }

  template <class Write>
  bool value(Write write) {
    const bool good = write();
    note();
    advance();
    return good;
  }

  template <class Write>
  bool begin(bool is_array, Write write) {
    const bool good = write();
    note();
    path_.push_back({is_array, 0, ""});
    return good;
  }

  template <class Write>
  bool end(Write write) {
    path_.pop_back();
    const bool good = write();
    advance();
    return good;
  }

  rapidjson::StringBuffer& buffer_;
  Writer writer_;
  Lines& lines_;
  std::vector<Step> path_;
  std::size_t line_ = 0;
  std::size_t counted_ = 0;
};

/// The line of the value, or of the nearest one that contains its place.
std::size_t line_of(const Lines& lines, std::string pointer) {
  for (;;) {
    const auto found = lines.find(pointer);
    if (found != lines.end()) return found->second;
    const auto slash = pointer.rfind('/');
    if (slash == std::string::npos) return 0;
    pointer.resize(slash);
  }
}

}  // namespace

std::vector<MarkedPart> marked(const std::string& json, const std::vector<PayloadProblem>& problems,
                               std::size_t longest) {
  constexpr unsigned flags = rapidjson::kParseNumbersAsStringsFlag | rapidjson::kParseIterativeFlag;
  rapidjson::StringBuffer buffer;
  Lines lines;
  Copy copy(buffer, lines);
  rapidjson::StringStream stream(json.c_str());
  rapidjson::Reader reader;
  if (reader.Parse<flags>(stream, copy).IsError()) return {{base::shortened(json, longest), ""}};
  std::map<std::size_t, std::string> at;
  for (const PayloadProblem& problem : problems) {
    const bool exact = problem.pointer.empty() || lines.contains(problem.pointer);
    std::string& text = at[line_of(lines, problem.pointer)];
    text += (text.empty() ? "" : "; ") + (exact ? "" : problem.pointer + ": ") + problem.text;
  }
  const std::string whole = base::shortened({buffer.GetString(), buffer.GetSize()}, longest);
  std::vector<MarkedPart> parts;
  std::size_t begin = 0;
  std::size_t line = 0;
  for (const auto& [number, problem] : at) {
    std::size_t end = begin;
    for (; line <= number && end < whole.size(); ++line)
      end = std::min(whole.find('\n', end), whole.size() - 1) + 1;
    const bool has_break = end > begin && whole[end - 1] == '\n';
    parts.push_back({whole.substr(begin, end - begin - (has_break ? 1 : 0)), problem});
    begin = end;
  }
  if (begin < whole.size()) parts.push_back({whole.substr(begin), ""});
  return parts;
}

}  // namespace sluice::dashboard
