// One model: its session, what it says of itself, and runs of it.
#pragma once

#include <filesystem>
#include <lao/lao.hpp>
#include <memory>
#include <string>
#include <vector>

#include "runtime.hpp"

using OrtValue = std::unique_ptr<ort::Value, ort::ReleaseValue::Function>;

// An input or an output.
struct Slot {
    std::string name;
    int element; // ort::Element
    std::vector<std::int64_t> shape; // -1: any length
};

// "float32", "int64", ...
const char *element_name(int element);

// An input for a run: `data` is read in place, and kept alive by the caller or by `owned`.
struct Feed {
    const Slot *slot;
    OrtValue value;
    std::vector<std::uint64_t> owned;
};

class Model {
  public:
    // Loads a file with the first provider that takes it. Throws lao::InvalidConfig.
    Model(std::string name, std::filesystem::path path, const std::vector<Provider> &providers, int threads);

    const std::string &name() const { return name_; }
    const std::string &sha256() const { return sha256_; }
    std::int64_t version() const { return version_; }
    Provider provider() const { return provider_; }
    // Of classes, where the model has the metadata `labels`.
    const std::vector<std::string> &labels() const { return labels_; }
    const std::vector<Slot> &inputs() const { return inputs_; }
    const std::vector<Slot> &outputs() const { return outputs_; }

    // By name; the first one where the name is empty. Throws lao::InvalidParameter.
    const Slot &input(std::string_view name) const;
    const Slot &output(std::string_view name) const;

    // Runs it on all its inputs, for one output or for all of them; several threads may.
    OrtValue run(const std::vector<Feed> &feeds, const Slot &output) const;
    std::vector<OrtValue> run(const std::vector<Feed> &feeds) const;
    // Runs it once on zeros: the first run allocates, and may compile. Not every model takes such an input; that is no failure.
    void warm_up() const;

    lao::JsonObject describe() const;

  private:
    void open(Provider provider, int threads);
    void read_slots();
    void read_metadata();
    void require_all(const std::vector<Feed> &feeds) const;
    std::vector<OrtValue> run(const std::vector<Feed> &feeds, const std::vector<const char *> &outputs) const;

    std::string name_;
    std::filesystem::path path_;
    std::string sha256_;
    std::int64_t version_ = 0;
    Provider provider_ = Provider::cpu;
    std::vector<std::string> labels_;
    std::vector<Slot> inputs_, outputs_;
    std::unique_ptr<ort::Session, ort::ReleaseSession::Function> session_{nullptr, nullptr};
};
