// Structured log lines: `job.log().info("sent", {{"to", address}, {"bytes", size}})`.
#pragma once

#include <sluice/plugin.h>

#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <initializer_list>
#include <string_view>
#include <type_traits>
#include <vector>

namespace sluice {

namespace detail {

constexpr sluice_str str(std::string_view text) {
  return {text.data(), text.size()};
}
constexpr std::string_view view(sluice_str text) {
  return text.data == nullptr ? std::string_view() : std::string_view(text.data, text.size);
}

}  // namespace detail

/// One key and value. It only views its key and its text, so create it in the call that logs it.
class Field {
 public:
  Field(std::string_view key, std::string_view text) : Field(key, text, SLUICE_FIELD_TEXT) {}

  /// A number or a bool. NaN and the infinities, which JSON does not have, are logged as text.
  template <class Number, std::enable_if_t<std::is_arithmetic_v<Number>, int> = 0>
  Field(std::string_view key, Number number) : Field(key, {}, SLUICE_FIELD_JSON) {
    if constexpr (std::is_same_v<Number, bool>) {
      raw_.value = detail::str(number ? "true" : "false");
    } else if constexpr (std::is_integral_v<Number>) {
      end_at(std::to_chars(digits_, digits_ + sizeof digits_, +number).ptr);
    } else {
      if (!std::isfinite(number)) raw_.kind = SLUICE_FIELD_TEXT;
      real(static_cast<double>(number));
    }
  }

  /// A value that already is JSON text.
  static Field json(std::string_view key, std::string_view text) { return {key, text, SLUICE_FIELD_JSON}; }

  Field(const Field&) = delete;  // raw() may point into digits_
  Field& operator=(const Field&) = delete;

  const sluice_field& raw() const { return raw_; }

 private:
  Field(std::string_view key, std::string_view text, std::uint32_t kind)
      : raw_{sizeof(sluice_field), kind, detail::str(key), detail::str(text)} {}

  void real(double number) {
#ifdef __cpp_lib_to_chars
    end_at(std::to_chars(digits_, digits_ + sizeof digits_, number).ptr);
#else
    char* const end = digits_ + std::snprintf(digits_, sizeof digits_, "%.17g", number);
    for (char* at = digits_; at != end; ++at) {
      if (*at == ',') *at = '.';  // the decimal point of the process's locale
    }
    end_at(end);
#endif
  }
  void end_at(const char* end) {
    raw_.value = {digits_, static_cast<std::size_t>(end - digits_)};
  }

  sluice_field raw_;
  char digits_[32];
};

/// Writes log lines, of a job or of the plugin as a whole. It is a small view, which may be copied freely. Do
/// not use it after its job's handler has returned (or, for a Host's, after the plugin's shutdown).
/// [any-thread]
class Log {
 public:
  using Fields = std::initializer_list<Field>;

  explicit Log(const sluice_job& job) : job_(&job) {}
  explicit Log(const sluice_host& host) : host_(&host) {}

  void trace(std::string_view message, Fields fields = {}) const { write(SLUICE_LOG_TRACE, message, fields); }
  void debug(std::string_view message, Fields fields = {}) const { write(SLUICE_LOG_DEBUG, message, fields); }
  void info(std::string_view message, Fields fields = {}) const { write(SLUICE_LOG_INFO, message, fields); }
  void warn(std::string_view message, Fields fields = {}) const { write(SLUICE_LOG_WARN, message, fields); }
  void error(std::string_view message, Fields fields = {}) const { write(SLUICE_LOG_ERROR, message, fields); }

 private:
  void write(std::int32_t level, std::string_view message, Fields fields) const {
    std::vector<const sluice_field*> raw;
    raw.reserve(fields.size());
    for (const Field& field : fields) raw.push_back(&field.raw());
    if (job_ != nullptr) {
      job_->api->log(job_, level, detail::str(message), raw.data(), raw.size());
    } else {
      host_->log(host_, level, detail::str(message), raw.data(), raw.size());
    }
  }

  const sluice_job* job_ = nullptr;
  const sluice_host* host_ = nullptr;
};

}  // namespace sluice
