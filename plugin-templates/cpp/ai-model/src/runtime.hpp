// ONNX Runtime: found when the plugin runs, and asked what it can run models on.
#pragma once

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "ort_api.hpp"

// What the runtime refused, in its own words.
class RuntimeError : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

// What a model runs on.
enum class Provider { cuda, cpu };
const char *provider_name(Provider provider); // as ONNX Runtime names it

// The runtime of this process.
class Runtime {
  public:
    // Throws lao::Failed when there is none that can be used.
    static const Runtime &get();

    template <class Entry> typename Entry::Function function() const {
        return reinterpret_cast<typename Entry::Function>(table_[Entry::place]);
    }
    // Throws RuntimeError when the function fails.
    template <class Entry, class... Arguments> void call(Arguments... arguments) const {
        check(function<Entry>()(arguments...));
    }
    // A function's only result, which `Release` frees.
    template <class Entry, class Release, class Object, class... Arguments>
    std::unique_ptr<Object, typename Release::Function> make(Arguments... arguments) const {
        Object *made = nullptr;
        call<Entry>(arguments..., &made);
        return {made, function<Release>()};
    }
    // A text that the runtime allocated.
    std::string take(char *text) const;

    const ort::Env *env() const { return env_; }
    const ort::MemoryInfo *memory() const { return memory_; }
    ort::Allocator *allocator() const { return allocator_; }

    // Providers to try, the best one first.
    std::vector<Provider> providers(const std::string &wanted) const;

  private:
    Runtime();
    void check(ort::Status *status) const;

    void *const *table_ = nullptr;
    ort::Env *env_ = nullptr; // these three live as long as the process
    ort::MemoryInfo *memory_ = nullptr;
    ort::Allocator *allocator_ = nullptr;
};
