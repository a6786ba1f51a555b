// The C functions between the host and a handler. No C++ exception gets past them.
#pragma once

#include <cxxabi.h>
#include <sluice/plugin.h>
#include <sluice/config.hpp>
#include <sluice/job.hpp>
#include <sluice/log.hpp>
#include <sluice/result.hpp>

#include <cstdint>
#include <cstdlib>
#include <exception>
#include <new>
#include <string>
#include <typeinfo>

namespace sluice::detail {

inline std::string type_name(const std::type_info* type) {
  if (type == nullptr) return "unknown type";
  int status = 0;
  char* const plain = abi::__cxa_demangle(type->name(), nullptr, nullptr, &status);
  std::string name = plain == nullptr ? type->name() : plain;
  std::free(plain);
  return name;
}

/// "std::out_of_range: vector::at"; call it in a catch block. Throws std::bad_alloc only.
inline std::string describe_current_exception() {
  try {
    throw;
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception& error) {
    return type_name(&typeid(error)) + ": " + error.what();
  } catch (...) {
    return "an exception that is not a std::exception: " + type_name(abi::__cxa_current_exception_type());
  }
}

inline Result result_of_current_exception() {
  try {
    throw;
  } catch (const PermanentError& error) {
    return fail(error.code(), error.what());
  } catch (const RetryLater& error) {
    return retry(error.code(), error.what()).after(error.delay());
  } catch (...) {
    return retry("exception", describe_current_exception());
  }
}

inline std::int32_t tell(const sluice_job& job, const Result& result) {
  if (!result.message().empty() || !result.code().empty()) {
    job.api->set_error(&job, str(result.code()), str(result.message()));
  }
  if (result.delay()) job.api->set_delay(&job, result.delay()->count());
  return result.kind();
}

template <class Handler>
Result result_of(const sluice_job& raw, const Handler& handler) {
  try {
    Job job(raw);
    return handler(job);
  } catch (...) {
    return result_of_current_exception();
  }
}

/// Runs `handler(Job&)` and reports the outcome to the host.
template <class Handler>
std::int32_t run_guarded(const sluice_job& raw, const Handler& handler) noexcept {
  try {
    return tell(raw, result_of(raw, handler));
  } catch (...) {  // no memory, not even for the error's text
    raw.api->set_error(&raw, str("out-of-memory"), str("std::bad_alloc: the handler ran out of memory"));
    return SLUICE_RETRY;
  }
}

/// Runs `make()`. An exception becomes the reason not to start, which the host gets. 0 on success.
template <class Make>
std::int32_t make_guarded(const sluice_host& host, const Make& make) noexcept {
  try {
    try {
      make();
      return 0;
    } catch (const PermanentError& error) {
      host.set_error(&host, str(error.what()));
    } catch (...) {
      host.set_error(&host, str(describe_current_exception()));
    }
  } catch (...) {
    host.set_error(&host, str("std::bad_alloc: out of memory"));
  }
  return 1;
}

}  // namespace sluice::detail
